package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setup is what a proxy under test is made of.
type setup struct {
	queue     registry.Options
	options   proxy.Options
	instances []string // addresses
}

// front is a proxy under test: what a client sees of it, and what is behind it.
type front struct {
	url      string // http://host:port
	address  string // host:port
	registry *registry.Registry
	proxy    *proxy.Proxy
	ids      []registry.ID
	records  chan record
	log      *logBuffer
}

// record is one call of Options.Record.
type record struct {
	code int
	took time.Duration
}

// newProxy serves a proxy over the instances of s. The behaviour tests know
// nothing of it but its address, so that they can be run on another lane.
func newProxy(t testing.TB, s setup) *front {
	t.Helper()
	if s.queue == (registry.Options{}) {
		s.queue = registry.Options{QueueLimit: 1024, QueueTimeout: patience}
	}
	if s.options.RequestTimeout == 0 {
		s.options.RequestTimeout = patience
	}
	f := &front{registry: registry.New(s.queue), records: make(chan record, 1024), log: &logBuffer{}}
	for _, address := range s.instances {
		f.ids = append(f.ids, addInstance(t, f.registry, address))
	}
	s.options.Registry = f.registry
	s.options.Record = func(code int, took time.Duration) { f.records <- record{code, took} }
	s.options.Log = slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	f.proxy = proxy.New(s.options)
	listener := listen(t)
	f.address = listener.Addr().String()
	f.url = "http://" + f.address
	served := make(chan error, 1)
	go func() { served <- f.proxy.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := f.proxy.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return f
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

// eachProtocol runs a test with a client of HTTP/1.1 and one of HTTP/2 with
// prior knowledge.
func eachProtocol(t *testing.T, test func(t *testing.T, client *http.Client)) {
	t.Helper()
	for _, name := range []string{"http1", "http2"} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, name)
			test(t, client)
			client.CloseIdleConnections() // or an HTTP/2 server takes 1 s to shut down
		})
	}
}

func newClient(t testing.TB, protocol string) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(protocol == "http1")
	protocols.SetUnencryptedHTTP2(protocol == "http2")
	transport := &http.Transport{
		Protocols: protocols, DisableCompression: true, MaxIdleConnsPerHost: 64, ExpectContinueTimeout: patience,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// server starts an instance that h answers for, and returns its address.
func server(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.DisableGeneralOptionsHandler = true
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// script starts an instance that calls talk with each connection, and returns
// its address. The connection is closed when talk returns.
func script(t testing.TB, talk func(c *rawConn)) string {
	t.Helper()
	l := listen(t)
	scriptOn(t, l, talk)
	return l.Addr().String()
}

func scriptOn(t testing.TB, l net.Listener, talk func(c *rawConn)) {
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
				talk(&rawConn{Conn: conn, r: bufio.NewReader(conn)})
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		talks.Wait()
	})
}

// rawConn is a connection to speak HTTP on by hand, from either side.
type rawConn struct {
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, address string) *rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &rawConn{Conn: conn, r: bufio.NewReader(conn)}
}

// send writes text, in which \n stands for \r\n.
func (c *rawConn) send(text string) {
	_, _ = io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n"))
}

// head reads a head and returns its lines, or nil at the end of input.
func (c *rawConn) head() []string {
	var lines []string
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return nil
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			return lines
		}
		lines = append(lines, line)
	}
}

// rest reads to the end of input.
func (c *rawConn) rest() string {
	b, _ := io.ReadAll(c.r)
	return string(b)
}

// waitClosed returns when the peer has closed the connection.
func (c *rawConn) waitClosed() { _, _ = io.Copy(io.Discard, c.r) }

// sight is what an instance saw of a request.
type sight struct {
	Method, Target, Host, Proto string
	Header                      http.Header
	Length                      int64
	Coding                      []string
	Body                        string
	Trailer                     http.Header
}

// echo is an instance that answers with what it saw.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = json.NewEncoder(w).Encode(sight{
		Method: r.Method, Target: r.RequestURI, Host: r.Host, Proto: r.Proto, Header: r.Header,
		Length: r.ContentLength, Coding: r.TransferEncoding, Body: string(body), Trailer: r.Trailer,
	})
}

func seen(t testing.TB, res *http.Response) sight {
	t.Helper()
	var s sight
	if err := json.Unmarshal([]byte(readAll(t, res)), &s); err != nil {
		t.Fatalf("status %d: %v", res.StatusCode, err)
	}
	return s
}

func newRequest(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func do(t testing.TB, client *http.Client, r *http.Request) *http.Response {
	t.Helper()
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func get(t testing.TB, client *http.Client, url string) *http.Response {
	t.Helper()
	return do(t, client, newRequest(t, http.MethodGet, url, nil))
}

func readAll(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("read body: %v", err)
	}
	_ = res.Body.Close()
	return string(b)
}

// wantFault checks an answer of the load balancer itself.
func wantFault(t testing.TB, res *http.Response, code int, message string) {
	t.Helper()
	body := readAll(t, res)
	if res.StatusCode != code || !strings.Contains(body, message) {
		t.Errorf("got %d %s, want %d with %q", res.StatusCode, body, code, message)
	}
	if got := res.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q, want application/json", got)
	}
	if !json.Valid([]byte(body)) {
		t.Errorf("body is not JSON: %s", body)
	}
}

// wait receives from c.
func wait[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s: nothing after %v", what, patience)
		panic("unreachable")
	}
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

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// closedAddress returns an address that refuses connections.
func closedAddress(t testing.TB) string {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return l.Addr().String()
}

// addInstance makes address a ready instance.
func addInstance(t testing.TB, r *registry.Registry, address string) registry.ID {
	t.Helper()
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	id := r.Add(registry.Spec{Host: host, Port: port})
	if err := r.Transition(id, registry.Ready, fmt.Sprintf("test %s", t.Name())); err != nil {
		t.Fatal(err)
	}
	return id
}

// onlyReader hides what else a reader can do, so that its length is unknown.
type onlyReader struct{ io.Reader }

func jsonString(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	_ = e.Encode(s)
	return strings.TrimSpace(b.String())
}

// wantHeader compares headers field by field.
func wantHeader(t testing.TB, got, want http.Header) {
	t.Helper()
	for name := range got {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s: %q, want %q", name, got[name], want[name])
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is missing, want %q", name, want[name])
		}
	}
}
