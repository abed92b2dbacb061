package server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

func TestMain(m *testing.M) {
	// grpc-gateway tells of every HTTP watcher that is cut off.
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	goleak.VerifyTestMain(m)
}

// plane is a running control plane and a client of each kind.
type plane struct {
	*Server
	registry  *registry.Registry
	board     *notice.Board
	scaler    *fakeScaler
	restarter *fakeRestarter
	metrics   *Metrics
	log       *lines
	conn      *grpc.ClientConn
	client    dynlbv1.ControlClient
	web       *http.Client
	base      string // URL of admin HTTP
	served    chan error
}

// start runs a control plane on real sockets until the test ends.
func start(t *testing.T) *plane {
	t.Helper()
	return startWith(t, newRegistry())
}

// startWith runs one for a registry of choice.
func startWith(t *testing.T, r *registry.Registry) *plane {
	t.Helper()
	return startWithAuth(t, r, Auth{})
}

// startWithAuth runs one that does not let everybody in. The plane's own clients
// bring nothing; those of visit do.
func startWithAuth(t *testing.T, r *registry.Registry, auth Auth) *plane {
	t.Helper()
	var dialer net.Dialer
	return startOn(t, r, auth, listen(t), listen(t), dialer.DialContext)
}

// startInBubble runs one without sockets, as synctest needs it.
func startInBubble(t *testing.T) *plane {
	t.Helper()
	pipes := map[string]*pipe{"grpc": newPipe(), "http": newPipe()}
	return startOn(t, newRegistry(), Auth{}, named{pipes["grpc"], "grpc:1"}, named{pipes["http"], "http:1"},
		func(ctx context.Context, _, address string) (net.Conn, error) {
			return pipes[address[:4]].Dial(ctx)
		})
}

func startOn(t *testing.T, r *registry.Registry, auth Auth, grpcListener, httpListener net.Listener, dial func(ctx context.Context, network, address string) (net.Conn, error)) *plane {
	t.Helper()
	board := notice.New(r)
	p := &plane{
		registry:  r,
		board:     board,
		scaler:    &fakeScaler{board: board, bounds: notice.Bounds{Min: 2, Max: 8}},
		metrics:   NewMetrics(board),
		restarter: &fakeRestarter{proceed: make(chan struct{})},
		log:       &lines{},
		web:       &http.Client{Transport: &http.Transport{DialContext: dial}},
		base:      "http://" + httpListener.Addr().String(),
		served:    make(chan error, 1),
	}
	board.SetTarget(2, p.scaler.bounds, time.Time{}, "minInstances")
	var err error
	p.Server, err = New(Options{
		Board: board, Scaler: p.scaler, Restarter: p.restarter, Metrics: p.metrics, Version: "v1.2.3", Hosts: []string{"http"},
		Auth: auth, Log: slog.New(slog.NewTextHandler(p.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.conn, err = grpc.NewClient("passthrough:///"+grpcListener.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return dial(ctx, "tcp", address) }))
	if err != nil {
		t.Fatal(err)
	}
	p.client = dynlbv1.NewControlClient(p.conn)
	go func() { p.served <- p.Serve(grpcListener, httpListener) }() // ends with stop
	t.Cleanup(func() { p.stop(t) })
	return p
}

// stop ends the control plane and its clients. It may be called again.
func (p *plane) stop(t *testing.T) {
	t.Helper()
	if p.served == nil {
		return
	}
	p.web.CloseIdleConnections()
	if err := p.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-p.served; err != nil {
		t.Error(err)
	}
	p.served = nil
	if err := p.conn.Close(); err != nil {
		t.Error(err)
	}
	p.web.CloseIdleConnections()
}

// do sends an HTTP request and returns the response and its body.
func (p *plane) do(t *testing.T, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, p.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := p.web.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(got)
}

// add registers an instance and moves it through the given states.
func (p *plane) add(t *testing.T, port int, states ...registry.State) registry.ID {
	t.Helper()
	id := p.registry.Add(registry.Spec{Endpoint: registry.TCP("127.0.0.1", port), Port: port, Reason: "test"})
	if err := p.registry.SetHandle(id, "pid 1"); err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if err := p.registry.Transition(id, s, "test"); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

func newRegistry() *registry.Registry {
	return registry.New(registry.Options{QueueLimit: 10, QueueTimeout: time.Minute})
}

// fakeScaler does what the autoscaler does, as far as the registry shows it.
type fakeScaler struct {
	board  *notice.Board
	bounds notice.Bounds

	mu     sync.Mutex // guards the rest
	err    error      // what ScaleTo fails with, if not nil
	hold   time.Duration
	reason string
}

func (f *fakeScaler) ScaleTo(_ context.Context, n int, hold time.Duration, reason string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return 0, f.err
	}
	if err := f.bounds.Check(n); err != nil {
		return 0, err
	}
	f.hold, f.reason = hold, reason
	old := f.board.Snapshot().Target
	var until time.Time
	if hold > 0 {
		until = time.Now().Add(hold)
	}
	f.board.SetTarget(n, f.bounds, until, reason)
	return old, nil
}

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// named is a listener with an address of choice.
type named struct {
	net.Listener
	name string
}

func (n named) Addr() net.Addr { return nameAddr(n.name) }

type nameAddr string

func (nameAddr) Network() string  { return "test" }
func (a nameAddr) String() string { return string(a) }

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func wantCode(t *testing.T, err error, want codes.Code, message string) {
	t.Helper()
	if status.Code(err) != want || !strings.Contains(status.Convert(err).Message(), message) {
		t.Errorf("error is %v; want %v with %q", err, want, message)
	}
}
