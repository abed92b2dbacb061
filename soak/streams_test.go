package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestEndsOfStreams: which ends are clean.
func TestEndsOfStreams(t *testing.T) {
	server := http.NewServeMux()
	event := func(w http.ResponseWriter, id string, n int) {
		fmt.Fprintf(w, "data: %s %d\n\n", id, n)
		_ = http.NewResponseController(w).Flush()
	}
	server.HandleFunc("/events/clean", func(w http.ResponseWriter, _ *http.Request) { event(w, "clean", 1) })
	server.HandleFunc("/events/cut", func(w http.ResponseWriter, _ *http.Request) {
		event(w, "cut", 1)
		panic(http.ErrAbortHandler)
	})
	server.HandleFunc("/events/mixed", func(w http.ResponseWriter, _ *http.Request) { event(w, "clean", 1) })
	server.HandleFunc("/events/skips", func(w http.ResponseWriter, _ *http.Request) { event(w, "skips", 2) })
	closings := make(chan websocket.StatusCode, 1)
	server.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		kind, message, err := c.Read(r.Context())
		if err == nil {
			_ = c.Write(r.Context(), kind, message)
		}
		closing := <-closings
		if closing == 0 {
			_ = c.CloseNow()
			return
		}
		_ = c.Close(closing, "")
	})
	live := httptest.NewServer(server)
	defer live.Close()
	address := live.Listener.Addr().String()

	for id, clean := range map[string]bool{"clean": true, "cut": false, "mixed": false, "skips": false, "none": false} {
		if err := holdEvents(address)(t.Context(), id, func() {}); (err == nil) != clean {
			t.Errorf("events %s: %v", id, err)
		}
	}
	for status, clean := range map[websocket.StatusCode]bool{websocket.StatusGoingAway: true, websocket.StatusInternalError: false, 0: false} {
		closings <- status
		if err := holdSocket(address)(t.Context(), "s", func() {}); (err == nil) != clean {
			t.Errorf("WebSocket closed with %v: %v", status, err)
		}
	}
}

func TestHolderCounts(t *testing.T) {
	var w windows
	var end error
	h := &holder{windows: &w, hold: func(_ context.Context, _ string, alive func()) error {
		alive()
		return end
	}}
	_ = h.once(t.Context(), "a")
	end = errSequence
	_ = h.once(t.Context(), "b")
	w.open(1, time.Now())
	_ = h.once(t.Context(), "c")
	called, cancel := context.WithCancel(t.Context())
	cancel()
	_ = h.once(called, "d") // ended by us
	if got := h.tally; got.opened != 4 || got.clean != 1 || len(got.broken) != 1 || got.excused != 1 {
		t.Errorf("%+v", got)
	}
}
