package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// sse sends a tick at once and then one per interval, until the client leaves or
// the instance stops.
func (b *backend) sse(w http.ResponseWriter, r *http.Request) {
	interval, err := milliseconds(r, time.Second, 10*time.Millisecond)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	control := http.NewResponseController(w)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for n := 1; ; n++ {
		if _, err := fmt.Fprintf(w, "data: tick %d from port %d\n\n", n, b.port); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		select {
		case <-ticker.C:
		case <-r.Context().Done():
			return
		case <-b.stopping:
			return
		}
	}
}

// echoBody sends each piece of the body back as soon as it is there.
func echoBody(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	// HTTP/1.1 alone needs it: there, the first Flush would close the body.
	if err := control.EnableFullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		http.Error(w, "cannot stream: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", cmp.Or(r.Header.Get("Content-Type"), "application/octet-stream"))
	for buf := make([]byte, 32<<10); ; {
		n, err := r.Body.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return
			}
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			// Half a body must not look like a whole one.
			panic(http.ErrAbortHandler)
		}
		if err := control.Flush(); err != nil {
			return
		}
	}
}

// ws sends each message back, until the client closes or the instance stops,
// which it tells the client with status 1001.
func (b *backend) ws(w http.ResponseWriter, r *http.Request) {
	b.sockets.Add(1)
	defer b.sockets.Done()
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxBody)
	// Close below waits 5 s for a client that does not answer it.
	defer context.AfterFunc(r.Context(), func() { _ = conn.CloseNow() })()

	ctx, cancel := context.WithCancel(r.Context())
	closed := make(chan struct{})
	// Ends when the instance stops or the loop below has ended, and is joined by
	// the deferred function.
	go func() {
		defer close(closed)
		select {
		case <-b.stopping:
			_ = conn.Close(websocket.StatusGoingAway, "the instance is stopping")
		case <-ctx.Done():
		}
	}()
	defer func() { cancel(); <-closed }()

	for {
		kind, message, err := conn.Read(ctx)
		if err != nil {
			return
		}
		if err := conn.Write(ctx, kind, message); err != nil {
			return
		}
	}
}
