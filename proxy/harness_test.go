package proxy_test

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// patience is how long a test waits for something that must happen. What takes longer
// hangs, even on a busy machine.
const patience = proxytest.Patience

// engineVariable names the engine to run the tests with, instead of with each.
const engineVariable = "DYNLB_TEST_ENGINE"

// overTLS has all tests run over TLS whose proxy is made by newProxy or serveProxy. Without
// it the tests do so that set setup.tls.
var overTLS = os.Getenv("DYNLB_TEST_TLS") != ""

// plainOnly skips a test when all tests run over TLS: it relies on connections that are
// made before they are accepted, or on what a tls.Conn cannot do.
func plainOnly(t *testing.T) {
	t.Helper()
	if overTLS {
		t.Skip("not over TLS")
	}
}

// scheme is what instances must learn of the clients' connections.
func scheme() string {
	if overTLS {
		return "https"
	}
	return "http"
}

// engine is what carries the requests of the proxies under test.
var engine proxy.Engine

// parallel is how many tests run at the same time: they wait more than they compute.
const parallel = "8"

func TestMain(m *testing.M) {
	if address := os.Getenv(grpcVariable); address != "" {
		runGRPCInstance(address)
		return
	}
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = flag.Set(f.Name, parallel) // it is a number
	}
	goleak.VerifyTestMain(eachEngine{m})
}

// eachEngine runs all tests with each engine, or with the one that the
// environment names. Under -short it runs them with the fast one only: the waits of
// one engine alone take 20 s.
type eachEngine struct{ m *testing.M }

func (e eachEngine) Run() (code int) {
	engines := []proxy.Engine{proxy.EngineStd, proxy.EngineFast}
	if name := os.Getenv(engineVariable); name != "" {
		engines = []proxy.Engine{proxy.Engine(name)}
	} else if testing.Short() {
		engines = []proxy.Engine{proxy.EngineFast}
	}
	for _, engine = range engines {
		fmt.Fprintln(os.Stderr, "engine", engine)
		code = max(code, e.m.Run())
	}
	return code
}

// setup is what a proxy under test is made of.
type setup struct {
	queue     registry.Options
	options   proxy.Options
	instances []string      // addresses
	tls       bool          // clients speak TLS
	unproven  bool          // the instances may send stray bytes, and close idle connections
	timeout   time.Duration // of requests; zero: patience
	edge      edge.Settings // the rules in front of the app
	protocol  route.Protocol
}

// front is a proxy under test: what a client sees of it, and what is behind it.
type front struct {
	url      string // http://host:port
	address  string // host:port
	registry *registry.Registry
	proxy    *proxy.Proxy
	app      *route.App // that all requests are for
	ids      []registry.ID
	records  chan record
	log      *logBuffer
}

// record is one call of Options.Record.
type record struct {
	code    int
	took    time.Duration
	request string // what Outcome.Request says; "" if it is nil
	app     string
	http2   bool
	http3   bool
	status  bool
	out     int64 // bytes
}

// newProxy serves a proxy over the instances of s. The tests use its address only, so that
// they can run on each lane.
func newProxy(t testing.TB, s setup) *front {
	t.Helper()
	if s.queue == (registry.Options{}) {
		s.queue = registry.Options{QueueLimit: 1024, QueueTimeout: patience}
	}
	f := &front{registry: registry.New(s.queue), records: make(chan record, 1024), log: &logBuffer{}}
	for _, address := range s.instances {
		f.ids = append(f.ids, addInstance(t, f.registry, address))
	}
	f.app = route.NewApp("default", f.registry, route.Settings{
		RequestTimeout: cmp.Or(s.timeout, patience), Edge: edge.New(s.edge), Protocol: s.protocol,
	})
	if s.options.Router == nil {
		s.options.Router = route.Single(f.app)
	}
	s.options.Engine = cmp.Or(s.options.Engine, engine)
	s.options.Record = func(o *outcome.Outcome) {
		r := record{code: o.Code, took: o.Duration, app: o.App, status: o.Status, out: o.BytesOut}
		if o.Request != nil {
			r.http2, r.http3 = o.Request.HTTP2, o.Request.HTTP3
			r.request = fmt.Sprintf("%s %s%s %s %s %s %q %s", o.Request.Client, o.Route, o.Request.Query,
				o.Request.Host, o.Request.Referer, o.Request.UserAgent, o.Request.User, o.Request.ID)
		}
		f.records <- r
	}
	s.options.Log = slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if s.options.TLS == nil && (s.tls || overTLS) {
		s.options.TLS = proxytest.ServerTLS("h2", "http/1.1")
	}
	f.proxy = proxy.New(s.options)
	for _, address := range s.instances {
		if !s.unproven {
			f.proxy.TrustEndpoint(endpointOf(address))
		}
	}
	if !s.unproven {
		f.app.IdleTime().Answered(policy.StaleAfter)
	}
	f.address = serveOn(t, f.proxy)
	f.url = "http://" + f.address
	if s.options.TLS != nil {
		proxytest.Secured(t, f.address)
		f.url = "https://" + f.address
	}
	return f
}

// serveProxy serves a proxy with the given options until the test ends, and returns
// its URL.
func serveProxy(t testing.TB, options proxy.Options) (url string) {
	t.Helper()
	if !overTLS {
		return "http://" + serveOn(t, proxy.New(options))
	}
	options.TLS = proxytest.ServerTLS("h2", "http/1.1")
	address := serveOn(t, proxy.New(options))
	proxytest.Secured(t, address)
	return "https://" + address
}

// serveOn serves a proxy until the test ends, and returns its address.
func serveOn(t testing.TB, p *proxy.Proxy) (address string) {
	t.Helper()
	listener := proxytest.Listen(t)
	served := make(chan error, 1)
	go func() { served <- p.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return listener.Addr().String()
}

// recorded waits for the next request to be recorded, and checks its code.
func (f *front) recorded(t testing.TB, code int) record {
	t.Helper()
	select {
	case r := <-f.records:
		if r.code != code {
			t.Errorf("recorded %d, want %d; log: %s", r.code, code, f.log)
		}
		return r
	case <-time.After(patience):
		t.Fatalf("nothing recorded; log: %s", f.log)
		return record{}
	}
}

// dropRecords drops what is recorded until the test ends: clients that do not say how many
// requests they send may send more than f keeps, and the next one would wait for room.
func (f *front) dropRecords(t testing.TB) {
	t.Helper()
	over, dropped := make(chan struct{}), make(chan struct{})
	go func() { // ends with the test
		defer close(dropped)
		for {
			select {
			case <-f.records:
			case <-over:
				return
			}
		}
	}()
	t.Cleanup(func() { close(over); <-dropped })
}

// inFlight returns the requests in flight on all instances.
func (f *front) inFlight() int {
	n := 0
	snapshot := f.registry.Snapshot()
	for i := range snapshot.Instances {
		n += snapshot.Instances[i].InFlight
	}
	return n
}

// idle fails the test unless no request is in flight.
func (f *front) idle(t testing.TB) {
	t.Helper()
	if n := f.inFlight(); n != 0 {
		t.Errorf("%d requests in flight, want 0", n)
	}
}

// served returns how many requests each instance was given.
func (f *front) served() []uint64 {
	var n []uint64
	snapshot := f.registry.Snapshot()
	for i := range snapshot.Instances {
		n = append(n, snapshot.Instances[i].Total)
	}
	return n
}

// logBuffer is a log that a test can read.
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
