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

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

func TestMain(m *testing.M) {
	// grpc-gateway logs every HTTP watcher that is cut off.
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	goleak.VerifyTestMain(m)
}

// plane is a running control plane of one app, and a client of each kind.
type plane struct {
	*Server
	*fakeApp
	metrics *Metrics
	log     *lines
	conn    *grpc.ClientConn
	client  dynlbv1.ControlClient
	web     *http.Client
	base    string // URL of admin HTTP
	served  chan error
}

// start runs a control plane on real sockets until the test ends.
func start(t *testing.T) *plane {
	t.Helper()
	return startWithAuth(t, Auth{})
}

// startWithAuth runs one that requires auth. The plane's own clients have no token
// and no certificate; those of visit do.
func startWithAuth(t *testing.T, auth Auth) *plane {
	t.Helper()
	var dialer net.Dialer
	return startOn(t, Options{Auth: auth}, listen(t), listen(t), dialer.DialContext)
}

// startTwo runs one with the apps "default", which is the plane's, and "two".
func startTwo(t *testing.T) (*plane, *fakeApp) {
	t.Helper()
	var dialer net.Dialer
	two := newApp("two")
	return startOn(t, Options{}, listen(t), listen(t), dialer.DialContext, two.app()), two
}

// startInBubble runs one without sockets, as synctest requires it.
func startInBubble(t *testing.T) *plane {
	t.Helper()
	pipes := map[string]*pipe{"grpc": newPipe(), "http": newPipe()}
	return startOn(t, Options{}, named{pipes["grpc"], "grpc:1"}, named{pipes["http"], "http:1"},
		func(ctx context.Context, _, address string) (net.Conn, error) {
			return pipes[address[:4]].Dial(ctx)
		})
}

// startOn runs one with options whose other fields it sets.
func startOn(t *testing.T, o Options, grpcListener, httpListener net.Listener, dial func(ctx context.Context, network, address string) (net.Conn, error), others ...App) *plane {
	t.Helper()
	p := &plane{
		fakeApp: newApp("default"),
		log:     &lines{},
		web:     &http.Client{Transport: &http.Transport{DialContext: dial}},
		base:    "http://" + httpListener.Addr().String(),
		served:  make(chan error, 1),
	}
	apps := append([]App{p.app()}, others...)
	p.metrics = NewMetrics(apps)
	var err error
	o.Apps, o.Metrics, o.Version, o.Hosts = apps, p.metrics, "v1.2.3", []string{"http"}
	o.Log = slog.New(slog.NewTextHandler(p.log, nil))
	p.Server, err = New(o)
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
	p.stopWithin(context.Background(), t)
}

// stopWithin is stop with the context of Shutdown.
func (p *plane) stopWithin(ctx context.Context, t *testing.T) {
	t.Helper()
	if p.served == nil {
		return
	}
	p.web.CloseIdleConnections()
	if err := p.Shutdown(ctx); err != nil {
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
