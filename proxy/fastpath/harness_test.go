//go:build linux

package fastpath

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// panics is the status of a response that the engine panics at.
const panics = 299

// lane is an engine under test.
type lane struct {
	*Engine
	address  string
	registry *registry.Registry
	records  chan int
	log      *logBuffer
}

// serve runs an engine over instances. When the test ends it must have nothing
// left: no request in flight, no buffer in use, no descriptor.
func serve(t testing.TB, options Options, instances ...string) *lane {
	t.Helper()
	before := descriptors(t)
	if options.Registry == nil {
		options.Registry = registry.New(registry.Options{QueueLimit: 1024, QueueTimeout: 10 * time.Second})
	}
	if options.Conduct == nil {
		options.Conduct = new(policy.Conduct)
		for _, address := range instances {
			trust(options.Conduct.Of(registry.Endpoint{Network: "tcp", Address: address}))
		}
	}
	for _, address := range instances {
		addInstance(t, options.Registry, address)
	}
	f := &lane{registry: options.Registry, records: make(chan int, 1<<16), log: &logBuffer{}}
	options.Record = func(code int, _ time.Duration) {
		if code == panics {
			panic("a fault of ours")
		}
		f.records <- code
	}
	options.Log = slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if f.Engine, err = New(options); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.address = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- f.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := f.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		for _, l := range f.all() {
			if l.buffers.held != 0 || l.flights != 0 || l.load.Load() != 0 {
				t.Errorf("left: %d buffers, %d in flight, %d connections", l.buffers.held, l.flights, l.load.Load())
			}
		}
		if n := f.open.Load(); n != 0 {
			t.Errorf("%d connections counted", n)
		}
		if n := f.inFlight(); n != 0 {
			t.Errorf("%d claims left", n)
		}
		for deadline := time.Now().Add(5 * time.Second); descriptors(t) > before; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("%d descriptors, %d before", descriptors(t), before)
				break
			}
		}
	})
	return f
}

// trust makes an instance proven.
func trust(tidy *policy.Tidiness) {
	for tidy.After(true) == policy.Rest {
		tidy.Rested(true)
	}
}

// all returns the loops.
func (f *lane) all() []*loop {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loops
}

// inFlight returns the requests in flight on all instances.
func (f *lane) inFlight() int {
	n := 0
	snapshot := f.registry.Snapshot()
	for i := range snapshot.Instances {
		n += snapshot.Instances[i].InFlight
	}
	return n
}

// recorded waits for the next request to be recorded.
func (f *lane) recorded(t testing.TB, code int) {
	t.Helper()
	select {
	case got := <-f.records:
		if got != code {
			t.Errorf("recorded %d, want %d; log: %s", got, code, f.log)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("nothing recorded; log: %s", f.log)
	}
}

// inLoops runs do on each loop, and waits for it.
func (f *lane) inLoops(do func(l *loop)) {
	var done sync.WaitGroup
	for _, l := range f.all() {
		done.Add(1)
		l.inbox.post(note{do: func() { do(l); done.Done() }})
	}
	done.Wait()
}

// descriptors returns how many there are.
func descriptors(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func addInstance(t testing.TB, r *registry.Registry, address string) registry.ID {
	t.Helper()
	id := r.Add(registry.Spec{Endpoint: registry.Endpoint{Network: "tcp", Address: address}})
	if err := r.Transition(id, registry.Ready, "test"); err != nil {
		t.Fatal(err)
	}
	return id
}

// server starts an instance that h answers for.
func server(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// script starts an instance that calls talk with each connection.
func script(t testing.TB, talk func(c *peer)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var talks sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	talks.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			talks.Go(func() {
				defer conn.Close()
				defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
				talk(&peer{Conn: conn, r: bufio.NewReader(conn)})
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		talks.Wait()
	})
	return l.Addr().String()
}

// peer speaks HTTP by hand, on either side.
type peer struct {
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, address string) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &peer{Conn: conn, r: bufio.NewReader(conn)}
}

// send writes text, in which \n stands for \r\n.
func (c *peer) send(text string) {
	_, _ = io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n"))
}

func (c *peer) closeWrite() { _ = c.Conn.(*net.TCPConn).CloseWrite() }

// head reads a head, and returns its first line, or "" at the end.
func (c *peer) head() string {
	first := ""
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return ""
		}
		if line == "\r\n" {
			return first
		}
		if first == "" {
			first = strings.TrimSpace(line)
		}
	}
}

// response reads a response, and returns its status and body.
func (c *peer) response(t testing.TB) (int, string) {
	t.Helper()
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// rest reads to the end.
func (c *peer) rest() string {
	b, _ := io.ReadAll(c.r)
	return string(b)
}

// logBuffer is a log to look into.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// echo answers with method, target and body.
func echo(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, b)
}

// awaitRequest waits until a loop has read a part of a request's head.
func (f *lane) awaitRequest(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		n := 0
		var mu sync.Mutex
		f.inLoops(func(l *loop) {
			mu.Lock()
			defer mu.Unlock()
			for _, c := range l.table {
				if c != nil && c.request != nil {
					n++
				}
			}
		})
		if n > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no part of a request was read")
		}
	}
}
