//go:build linux

package fast

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestShutdownWaits: idle connections are closed after a grace. A request in flight gets
// its response, with Connection: close.
func TestShutdownWaits(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	f := serve(t, Options{}, proxytest.Script(t, func(c *proxytest.Peer) {
		for c.FirstLine() != "" {
			arrived <- struct{}{}
			<-release
			c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		}
	}))
	idle, partly, busy := proxytest.Dial(t, f.address), proxytest.Dial(t, f.address), proxytest.Dial(t, f.address)
	partly.Send("GET / HT")
	busy.Send("GET / HTTP/1.1\nHost: a\n\n")
	<-arrived
	down := make(chan error, 1)
	go func() { down <- f.Shutdown(context.Background()) }()
	if got := idle.Rest() + partly.Rest(); got != "" {
		t.Errorf("got %q", got)
	}
	select {
	case err := <-down:
		t.Fatalf("Shutdown returned with a request in flight: %v", err)
	default:
	}
	if _, err := net.Dial("tcp", f.address); err == nil {
		t.Error("still accepting")
	}
	close(release)
	if got := busy.Rest(); !strings.Contains(got, "Connection: close\r\n") || !strings.HasSuffix(got, "ok") {
		t.Errorf("got %q", got)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// TestShutdownCut: when time is up, the requests that wait for an instance or for its
// response are counted and recorded, and get a 503. Tunnels are closed.
func TestShutdownCut(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 4)
	f := serve(t, Options{
		Router: over(registry.New(registry.Options{MaxConcurrency: 2, QueueLimit: 8, QueueTimeout: time.Minute})),
	}, proxytest.Script(t, func(c *proxytest.Peer) {
		if strings.Contains(c.FirstLine(), "/tunnel") {
			c.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: x\n\n")
		}
		arrived <- struct{}{}
		_ = c.Rest()
	}))
	var conns []*proxytest.Peer
	for _, request := range []string{"GET /tunnel HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\n\n", "GET / HTTP/1.1\nHost: a\n\n", "GET /queued HTTP/1.1\nHost: a\n\n"} {
		c := proxytest.Dial(t, f.address)
		c.Send(request)
		if !strings.Contains(request, "queued") {
			<-arrived
		}
		if strings.Contains(request, "tunnel") {
			f.recorded(t, 101)
		}
		conns = append(conns, c)
	}
	for deadline := time.Now().Add(5 * time.Second); f.registry.Waiting() == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // the registry does not announce that it has a waiter
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("out of time")
	cancel(why)
	err := f.Shutdown(ctx)
	cut, ok := errors.AsType[*CutError](err)
	if !ok || cut.Open != 3 || !errors.Is(err, why) {
		t.Errorf("got %v, want 3 cut off", err)
	}
	for _, code := range []int{503, 503} {
		f.recorded(t, code)
	}
	for _, c := range conns[1:] {
		if got := c.Rest(); !strings.HasPrefix(got, "HTTP/1.1 503 ") || !strings.Contains(got, "Connection: close\r\n") {
			t.Errorf("got %q", got)
		}
	}
	if f.registry.Waiting() != 0 || f.inFlight() != 0 {
		t.Errorf("%d wait, %d in flight", f.registry.Waiting(), f.inFlight())
	}
}

// TestShutdownTakesWhatHasArrived: a request that was sent before the shutdown is
// answered, although its loop has not seen it yet.
func TestShutdownTakesWhatHasArrived(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{Loops: 1}, server(t, echo))
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.1\nHost: a\n\n")
	if code, _ := c.Response(t); code != 200 {
		t.Fatalf("got %d", code)
	}
	l, first, posted := f.group.Loops()[0], make(chan struct{}), make(chan struct{})
	l.Post(eventloop.Func(func() { close(first); <-posted }))
	<-first // tasks that are posted from now on run in one turn
	const request = "GET / HTTP/1.1\nHost: a\n\n"
	l.Post(eventloop.Func(func() { c.Send(request) }))
	down := make(chan error, 1)
	go func() { down <- f.Shutdown(context.Background()) }()
	for n := 0; n < 2; time.Sleep(time.Millisecond) { // the request, and a task of Shutdown
		n = l.Tasks()
	}
	close(posted)
	if got := c.Rest(); !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.Contains(got, "Connection: close\r\n") {
		t.Errorf("got %q", got)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// TestShutdownLetsClientsRead: a client that is still sending has time to read its
// last response, and Shutdown waits no longer than that.
func TestShutdownLetsClientsRead(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{Loops: 1}, server(t, echo))
	reading, silent := proxytest.Dial(t, f.address), proxytest.Dial(t, f.address)
	for _, c := range []*proxytest.Peer{reading, silent} {
		c.Send("nonsense\n\n")
	}
	for lingers := 0; lingers < 2; {
		f.inWorkers(func(w *worker) { lingers = w.lingering })
	}
	began := time.Now()
	down := make(chan error, 1)
	go func() { down <- f.Shutdown(context.Background()) }()
	b, err := io.ReadAll(reading.R)
	if !strings.HasPrefix(string(b), "HTTP/1.1 400 ") || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
	select {
	case err := <-down:
		if time.Since(began) < shutdownLinger {
			t.Errorf("it returned while clients may be reading: %v", err)
		}
		return
	case <-time.After(shutdownLinger / 5):
	}
	_ = reading.Close()
	if err := <-down; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > policy.LingerTimeout {
		t.Errorf("it took %v", took)
	}
}

// TestShutdownLetsTheLastClientRead: a client whose response ends during the shutdown,
// as the last one, has that time too.
func TestShutdownLetsTheLastClientRead(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	f := serve(t, Options{Loops: 1}, proxytest.Script(t, func(c *proxytest.Peer) {
		_ = c.FirstLine()
		close(arrived)
		<-release
		c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
	}))
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.1\nHost: a\n\n")
	<-arrived
	down := make(chan error, 1)
	go func() { down <- f.Shutdown(context.Background()) }()
	for closing := false; !closing; {
		f.inWorkers(func(w *worker) { closing = w.drained != nil })
	}
	began := time.Now()
	close(release)
	if got := c.Rest(); !strings.HasSuffix(got, "ok") {
		t.Errorf("got %q", got)
	}
	select {
	case err := <-down:
		if time.Since(began) < shutdownLinger {
			t.Errorf("it returned while the client may be reading: %v", err)
		}
	case <-time.After(shutdownLinger / 5):
		_ = c.Close()
		if err := <-down; err != nil {
			t.Error(err)
		}
	}
}
