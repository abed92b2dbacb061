//go:build linux

package fast

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// mortal is an instance that can be killed, and comes back at the same address.
type mortal struct {
	address string
	mu      sync.Mutex // guards the server
	server  *http.Server
}

// start starts the instance, unless a connection took its port meanwhile. The
// server's goroutine ends with kill.
func (m *mortal) start() {
	l, err := net.Listen("tcp", m.address)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.address = l.Addr().String()
	m.server = &http.Server{Handler: http.HandlerFunc(echo)}
	go func(s *http.Server) { _ = s.Serve(l) }(m.server)
}

func (m *mortal) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = m.server.Close()
}

// TestUnrest: instances die and come back, connections are dropped, settings change,
// and a shutdown comes in the middle of it. Each request gets its own response, or
// one that says what is wrong, or the end of its connection. No client waits without
// an answer, and nothing is left.
func TestUnrest(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	r := registry.New(registry.Options{MaxConcurrency: 8, QueueLimit: 32, QueueTimeout: time.Second})
	var whole atomic.Int64
	f := serve(t, Options{Router: over(r), Loops: 2, Record: func(o *outcome.Outcome) {
		if o.Code == http.StatusOK {
			whole.Add(1)
		}
	}})
	var instances []*mortal
	var ids []registry.ID
	for range 3 {
		m := &mortal{address: "127.0.0.1:0"}
		m.start()
		t.Cleanup(m.kill)
		instances = append(instances, m)
		ids = append(ids, addInstance(t, r, m.address))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var unrest, clients sync.WaitGroup
	unrest.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			m := instances[n%3]
			m.kill()
			f.Drop(registry.Endpoint{Network: "tcp", Address: m.address})
			s := *f.Engine.settings.Load()
			s.Limits.Head = 8<<10 + n%2<<10
			f.configure(s)
			m.start()
			_ = r.Transition(ids[n%3], registry.Ready, "test") // if it was found to be dead
			time.Sleep(5 * time.Millisecond)                   // the life of an instance
		}
	})
	for n := range 64 {
		clients.Go(func() { f.bear(ctx, t, n) })
	}
	time.Sleep(1500 * time.Millisecond) // the length of the test, where the machine is fast
	for whole.Load() < 100 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	cancel()
	unrest.Wait()
	if err := f.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	clients.Wait()
	if n := whole.Load(); n < 100 {
		t.Errorf("%d requests were answered, want more", n)
	}
}

// bear sends requests until the engine has shut down.
func (f *lane) bear(ctx context.Context, t *testing.T, n int) {
	random := rand.New(rand.NewPCG(uint64(n), 0))
	for i := 0; ctx.Err() == nil; {
		conn, err := net.Dial("tcp", f.address)
		if err != nil {
			return
		}
		c := proxytest.NewPeer(conn)
		_ = c.SetDeadline(time.Now().Add(15 * time.Second))
		for open := true; open; i++ {
			method, content := "GET", ""
			if random.IntN(2) == 0 {
				method, content = "POST", strings.Repeat(fmt.Sprintf("%d-%d ", n, i), 1+random.IntN(5000))
			}
			target := fmt.Sprintf("/%d/%d", n, i)
			c.Send(fmt.Sprintf("%s %s HTTP/1.1\nHost: a\nContent-Length: %d\n\n%s", method, target, len(content), content))
			open = own(t, c, method+" "+target+" "+content)
		}
		_ = c.Close()
	}
}

// own reads a response, which must be want when it is a 200. It reports whether
// the connection is open.
func own(t *testing.T, c *proxytest.Peer, want string) bool {
	s, err := http.ReadResponse(c.R, nil)
	if os.IsTimeout(err) {
		t.Errorf("no response to %.30s: %v", want, err)
	}
	if err != nil {
		return false
	}
	body, err := io.ReadAll(s.Body)
	switch {
	case os.IsTimeout(err):
		t.Errorf("no end of the response to %.30s", want)
	case err == nil && s.StatusCode == 200 && string(body) != want:
		t.Errorf("got %.50q, want %.50q", body, want)
	}
	return err == nil && !s.Close
}
