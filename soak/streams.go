package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	// heldStreams is how many streams of each sort are held open.
	heldStreams = 4
	// silentFor is how long a stream may be silent; the app sends something five
	// times a second. A frozen instance is replaced sooner.
	silentFor = replacedWithin
)

// streamTally is the result of the streams of one sort.
type streamTally struct {
	opened  int
	clean   int // ended as they should
	excused int // broken when an instance was killed or frozen
	broken  []string
}

// A holder keeps streams of one sort open, and opens them again when they end.
type holder struct {
	windows *windows
	// hold opens a stream and follows it to its end, calling alive on every sign
	// of life. It returns nil when the end is clean.
	hold func(ctx context.Context, id string, alive func()) error

	mu    sync.Mutex // guards tally
	tally streamTally
}

// run holds one stream after the other until ctx ends.
func (h *holder) run(ctx context.Context, name string) {
	for n := 1; ctx.Err() == nil; n++ {
		err := h.once(ctx, fmt.Sprintf("%s-%d", name, n))
		if err != nil {
			pause(ctx, 100*time.Millisecond)
		}
	}
}

// once holds one stream.
func (h *holder) once(ctx context.Context, id string) error {
	h.mu.Lock()
	h.tally.opened++
	h.mu.Unlock()
	held, cancel := context.WithCancel(ctx)
	defer cancel()
	last := time.Now()
	watchdog := time.AfterFunc(silentFor, cancel)
	defer watchdog.Stop()
	err := h.hold(held, id, func() {
		last = time.Now()
		watchdog.Reset(silentFor)
	})
	now := time.Now()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil:
		h.tally.clean++
	case h.windows.excuse(last, now):
		h.tally.excused++
	default:
		h.tally.broken = append(h.tally.broken, fmt.Sprintf("%s: %s, %v after its last sign of life", id, bare(err), now.Sub(last).Round(time.Millisecond)))
	}
	return err
}

// errSequence reports that a stream skipped, repeated or mixed messages.
var errSequence = errors.New("out of sequence")

// holdEvents follows server-sent events from address.
func holdEvents(address string) func(context.Context, string, func()) error {
	transport := newTransport()
	return func(ctx context.Context, id string, alive func()) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme("http")+"://"+address+"/events/"+id, http.NoBody)
		if err != nil {
			return err
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", response.StatusCode)
		}
		lines := bufio.NewScanner(response.Body)
		for n := 1; lines.Scan(); {
			if lines.Text() == "" {
				continue
			}
			if want := fmt.Sprintf("data: %s %d", id, n); lines.Text() != want {
				return fmt.Errorf("%w: %q, want %q", errSequence, lines.Text(), want)
			}
			n++
			alive()
		}
		return lines.Err() // nil only after the last chunk
	}
}

// holdSocket sends messages over a WebSocket to address, and gets them back.
func holdSocket(address string) func(context.Context, string, func()) error {
	dialer := &http.Client{Transport: newTransport()}
	return func(ctx context.Context, id string, alive func()) error {
		socket, response, err := websocket.Dial(ctx, scheme("ws")+"://"+address+"/socket", &websocket.DialOptions{HTTPClient: dialer})
		if err != nil {
			if response != nil && response.Body != nil {
				response.Body.Close()
			}
			return err
		}
		defer func() { _ = socket.CloseNow() }() // it may have ended
		for n := 1; ; n++ {
			message := fmt.Sprintf("%s %d", id, n)
			sent := socket.Write(ctx, websocket.MessageText, []byte(message))
			_, text, err := socket.Read(ctx) // shows how it ended, also when nothing could be sent
			switch {
			case websocket.CloseStatus(err) == websocket.StatusGoingAway:
				return nil
			case err != nil:
				return errors.Join(err, sent)
			case string(text) != message:
				return fmt.Errorf("%w: %q, want %q", errSequence, text, message)
			}
			alive()
			pause(ctx, 200*time.Millisecond)
		}
	}
}
