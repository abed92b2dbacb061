package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// h2cInstance serves HTTP/2 with prior knowledge, and HTTP/1.1 if both is set, until the
// test ends, and returns its address.
func h2cInstance(t testing.TB, both bool, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Config.Protocols.SetHTTP1(both)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// echoH2C answers with what it got: the method, the version and the content.
func echoH2C(w http.ResponseWriter, r *http.Request) {
	content, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Seen", fmt.Sprint(r.Method, " ", r.Proto, " ", r.Host, " ", r.URL))
	w.Header().Set("Trailer", "X-Sum")
	switch r.URL.Path {
	case "/empty":
		w.WriteHeader(http.StatusNoContent)
	case "/sized":
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	}
	_, _ = w.Write(content)
	w.Header().Set("X-Sum", strconv.Itoa(len(content)))
}

// TestH2CInstance: clients of HTTP/1.1 reach an instance of HTTP/2, with content of all
// sizes and framings, and with trailers.
func TestH2CInstance(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{h2cInstance(t, false, echoH2C)}, protocol: route.H2C})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, c := range h2cRequests {
			c.check(t, client, f)
		}
	})
	f.idle(t)
}

// h2cRequest is a request for an instance that echoes.
type h2cRequest struct {
	method, path string
	size         int
	chunked      bool
}

var h2cRequests = []h2cRequest{
	{"GET", "/a?b=c", 0, false},
	{"POST", "/", 10, false},
	{"POST", "/sized", 10, false},
	{"PUT", "/", 3 << 20, false},
	{"POST", "/sized", 3 << 20, true},
	{"POST", "/", 100, true},
	{"DELETE", "/empty", 0, false},
	{"HEAD", "/", 0, false},
}

// check makes the request, and checks what comes back.
func (c h2cRequest) check(t *testing.T, client *http.Client, f *front) {
	t.Helper()
	content := bytes.Repeat([]byte("x"), c.size)
	var body io.Reader = bytes.NewReader(content)
	if c.chunked {
		body = io.MultiReader(body)
	}
	response := do(t, client, newRequest(t, c.method, f.url+c.path, body))
	got, err := io.ReadAll(response.Body)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%s %s: got %d bytes, want %d; %v", c.method, c.path, len(got), c.size, err)
	}
	if want := fmt.Sprint(c.method, " HTTP/2.0 ", f.address, " ", c.path); response.Header.Get("X-Seen") != want {
		t.Errorf("the instance saw %q, want %q", response.Header.Get("X-Seen"), want)
	}
	if sum := response.Trailer.Get("X-Sum"); c.path == "/" && c.method != "HEAD" && sum != strconv.Itoa(c.size) {
		t.Errorf("%s %s: trailer %q", c.method, c.path, sum)
	}
}

// TestEitherProtocol: an instance is asked once whether it speaks HTTP/2.
func TestEitherProtocol(t *testing.T) {
	t.Parallel()
	for want, start := range map[string]func() string{
		"HTTP/2.0": func() string { return h2cInstance(t, true, echoH2C) },
		"HTTP/1.1": func() string { return server(t, echoH2C) },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{instances: []string{start()}, protocol: route.EitherHTTP})
			for range 3 {
				response, err := newClient(t, "http1").Get(f.url)
				if err != nil {
					t.Fatalf("%v; log: %s", err, f.log)
				}
				_ = response.Body.Close()
				if seen := response.Header.Get("X-Seen"); !strings.Contains(seen, want) {
					t.Errorf("the instance saw %s", seen)
				}
			}
		})
	}
}

// TestNoH2C: an instance that does not speak HTTP/2 as it should gets no request.
func TestNoH2C(t *testing.T) {
	t.Parallel()
	f, c := grpcFront(t, setup{instances: []string{server(t, echoH2C)}})
	if _, err := c.say(withPatience(t), "hello"); grpcstatus.Code(err) != codes.Unavailable {
		t.Errorf("status %v", err)
	}
	f.recorded(t, 502)
	if !strings.Contains(f.log.String(), "does not speak HTTP/2") {
		t.Errorf("log: %s", f.log)
	}
}

// TestH2CSlowClient: a client that does not read holds its instance back, and no other
// client.
func TestH2CSlowClient(t *testing.T) {
	t.Parallel()
	var written atomic.Int64
	address := h2cInstance(t, false, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/endless" {
			return
		}
		piece := make([]byte, 64<<10)
		for {
			n, err := w.Write(piece)
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	f := newProxy(t, setup{instances: []string{address}, protocol: route.H2C})
	slow := proxytest.Dial(t, f.address)
	slow.Send("GET /endless HTTP/1.1\nHost: a\n\n")
	const bound = 64 << 20 // the kernel holds some megabytes in each socket
	last := int64(-1)
	f.await(t, func() bool { // until it stands still
		n := written.Load()
		stands := n > 0 && n == last
		last = n
		time.Sleep(50 * time.Millisecond)
		return stands || n > bound
	})
	if last > bound {
		t.Errorf("the instance could write %d bytes", last)
	}
	for range 3 {
		response, err := newClient(t, "http1").Get(f.url)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
}

// TestGRPCOnUnixSocket: an instance of gRPC may listen on a Unix socket.
func TestGRPCOnUnixSocket(t *testing.T) {
	t.Parallel()
	listener := proxytest.ListenUnix(t)
	instance := newGRPCServer()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = instance.Serve(listener)
	}()
	t.Cleanup(func() { instance.Stop(); <-done })
	_, c := grpcFront(t, setup{instances: []string{listener.Addr().String()}})
	if got, err := c.say(withPatience(t), "hello"); err != nil || got != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}
