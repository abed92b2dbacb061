package proxy_test

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// progress returns when the first instance was last seen to do something.
func (f *front) progress() time.Time { return f.registry.Snapshot().Instances[0].LastProgress }

// progressAfter does something over and over, and reports whether the first
// instance is seen to do something later than at a time.
func (f *front) progressAfter(at time.Time, do func()) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		do()
		if f.progress().After(at) {
			return true
		}
	}
	return false
}

// TestProgressOfAResponse checks that each piece of a response counts as progress of
// its instance.
func TestProgressOfAResponse(t *testing.T) {
	t.Parallel()
	const size = 1 << 20 // a large piece is not copied by the fast engine
	for name, c := range map[string]struct {
		length string
		piece  int
	}{
		"chunks":             {"", 10},
		"known length":       {strconv.Itoa(1 << 40), 10},
		"known length, much": {strconv.Itoa(1 << 40), size},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := make(chan struct{})
			f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.length != "" {
					w.Header().Set("Content-Length", c.length)
				}
				for piece := make([]byte, c.piece); ; {
					_ = http.NewResponseController(w).Flush()
					if _, ok := <-next; !ok {
						return
					}
					_, _ = w.Write(piece)
				}
			})}})
			res := get(t, newClient(t, "http1"), f.url)
			if !f.progressAfter(f.progress(), func() {
				next <- struct{}{}
				if _, err := io.CopyN(io.Discard, res.Body, int64(c.piece)); err != nil {
					t.Error(err)
				}
			}) {
				t.Error("no progress")
			}
			_ = res.Body.Close()
			close(next)
		})
	}
}

// TestProgressOfARequest checks that each piece that the instance takes of a long
// request counts as progress. A short request shows nothing, because the kernel takes
// it.
func TestProgressOfARequest(t *testing.T) {
	t.Parallel()
	proceed := make(chan struct{})
	f := newProxy(t, setup{instances: []string{server(t, func(_ http.ResponseWriter, r *http.Request) {
		<-proceed
		_, _ = io.Copy(io.Discard, r.Body)
	})}})
	reader, writer := io.Pipe()
	done := make(chan struct{})
	go func() { // ends with its response
		defer close(done)
		request := newRequest(t, "POST", f.url, reader)
		readAll(t, do(t, newClient(t, "http1"), request))
	}()
	begun := time.Now()
	write := func() {
		if _, err := writer.Write(make([]byte, 100)); err != nil {
			t.Error(err)
		}
	}
	for range 3 {
		write()
	}
	close(proceed)
	if !f.progressAfter(begun, write) {
		t.Error("no progress")
	}
	if got := f.progress().Sub(begun); got < policy.UploadProgressAfter {
		t.Errorf("progress after %v", got)
	}
	_ = writer.Close()
	<-done
	f.recorded(t, 200)
}

// dying returns the listener of an instance that resets its connections when dies is
// closed, and a channel that tells of each request that arrives before that.
func dying(t *testing.T) (l net.Listener, arrived <-chan struct{}, dies chan struct{}) {
	t.Helper()
	l = proxytest.Listen(t)
	requests, dies := make(chan struct{}), make(chan struct{})
	proxytest.ScriptOn(t, l, func(c *proxytest.Peer) {
		_ = c.Head()
		select {
		case requests <- struct{}{}:
		case <-dies: // it only finds out whether the instance is alive
			return
		}
		<-dies
		_ = c.Conn.(*net.TCPConn).SetLinger(0)
	})
	return l, requests, dies
}

// TestRetryImplicated checks that a request that may be the reason why its instance
// ceased to answer and was stopped does not go to another instance, and that a later
// one does.
func TestRetryImplicated(t *testing.T) {
	t.Parallel()
	l, arrived, dies := dying(t)
	f := newProxy(t, setup{instances: []string{l.Addr().String()}})
	codes := [2]chan int{make(chan int, 1), make(chan int, 1)}
	for _, code := range codes {
		go func() { // ends with its response
			res := get(t, newClient(t, "http1"), f.url)
			readAll(t, res)
			code <- res.StatusCode
		}()
		wait(t, arrived, "the request at the instance")
	}
	if err := f.registry.Unresponsive(f.ids[0], 1); err != nil {
		t.Fatal(err)
	}
	addInstance(t, f.registry, server(t, echo))
	_ = l.Close() // it refuses connections before the first one breaks
	close(dies)
	for i, want := range []int{502, 200} {
		if got := wait(t, codes[i], "a response"); got != want {
			t.Errorf("request %d: %d, want %d", i+1, got, want)
		}
	}
	if got := f.served(); got[1] != 1 {
		t.Errorf("the second instance was given %d requests, want 1", got[1])
	}
	f.idle(t)
}
