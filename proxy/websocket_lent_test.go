package proxy_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// TestWebSocketUnderRules: the rules of an app may block, which another lane sees to.
func TestWebSocketUnderRules(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echoMessages(t))}, edge: edge.Settings{Compress: true}})
	testWebSocket(t, f.url, "")
	f.drained(t)
}

// TestWebSocketUnderRulesHalfClosed checks that the end of the instance's side leaves the
// client's side open on that lane, too.
func TestWebSocketUnderRulesHalfClosed(t *testing.T) {
	t.Parallel()
	if engine == proxy.EngineStd {
		t.Skip("net/http ends both sides of a stream with the response")
	}
	received := make(chan string, 1)
	f := newProxy(t, setup{edge: edge.Settings{Compress: true}, instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		c.Head()
		c.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\n\nall")
		_ = c.Conn.(interface{ CloseWrite() error }).CloseWrite()
		received <- c.Rest()
	})}})
	c := newWebSockets(t).stream(t, f.url)
	if all, err := io.ReadAll(c); err != nil || string(all) != "all" {
		t.Fatalf("got %q, %v", all, err)
	}
	_, _ = io.WriteString(c, "the rest") // the instance gets it
	_ = c.input.Close()
	if got := wait(t, received, "the client's bytes"); got != "the rest" {
		t.Errorf("instance got %q", got)
	}
	f.drained(t)
}

// testWebSocket exchanges messages of different sizes with an app that echoes, at a host.
func testWebSocket(t *testing.T, url, host string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, res, err := websocket.Dial(ctx, url+"/ws", &websocket.DialOptions{
		Host:       host,
		HTTPClient: &http.Client{Transport: newWebSockets(t)}, HTTPHeader: http.Header{"Accept-Encoding": {"gzip"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body
	c.SetReadLimit(-1)
	for _, message := range []string{"hello", strings.Repeat("x", 1<<20)} {
		if err := c.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Read(ctx); err != nil || string(got) != "echo "+message {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
}

// TestH2CBesideOthers checks that requests for an app whose instances speak HTTP/2 and for
// one with HTTP/1.1 share a connection of the client, and that the latter keeps what the
// event loop has: WebSockets over HTTP/2.
func TestH2CBesideOthers(t *testing.T) {
	plainOnly(t)
	t.Parallel()
	f := newProxy(t, setup{instances: []string{h2cInstance(t, false, echoH2C)}, protocol: route.H2C})
	instances := registry.New(registry.Options{})
	addInstance(t, instances, server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ws" {
			echoMessages(t)(w, r)
		}
	}))
	plain := route.NewApp("plain", instances, route.Settings{RequestTimeout: patience})
	p := proxy.New(proxy.Options{Engine: engine, Router: route.NewTable([]route.Rule{
		{App: f.app, Hosts: []string{"calls.test"}}, {App: plain, Hosts: []string{"plain.test"}},
	})})
	client, url := newClient(t, "http2"), "http://"+serveOn(t, p)
	for range 3 {
		for _, host := range []string{"calls.test", "plain.test"} {
			r := newRequest(t, http.MethodPost, url, strings.NewReader("content"))
			r.Host = host
			res := do(t, client, r)
			if got := readAll(t, res); res.StatusCode != 200 || host == "calls.test" && (got != "content" || res.Trailer.Get("X-Sum") != "7") {
				t.Errorf("%s: %d %q %v", host, res.StatusCode, got, res.Trailer)
			}
		}
	}
	if n := p.OpenConnections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	client.CloseIdleConnections()
	testWebSocket(t, url, "plain.test")
}

// TestH2CCut checks that a request that has no response when the time for draining is over
// gets one that says so, over a connection that several share.
func TestH2CCut(t *testing.T) {
	t.Parallel()
	began := make(chan struct{}, 1)
	f := newProxy(t, setup{protocol: route.H2C, instances: []string{h2cInstance(t, false, func(_ http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		<-r.Context().Done()
	})}})
	client, answered := newClient(t, "http2"), make(chan string, 1)
	go func() { // ends with the response
		res, err := client.Get(f.url)
		if err != nil {
			answered <- err.Error()
			return
		}
		_ = res.Body.Close()
		answered <- res.Status
	}()
	wait(t, began, "the request")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.proxy.Shutdown(over); err == nil || !strings.Contains(err.Error(), "1 cut off") {
		t.Errorf("Shutdown: %v, want one cut off", err)
	}
	if got := wait(t, answered, "the response"); got != "503 Service Unavailable" {
		t.Errorf("got %s", got)
	}
	f.recorded(t, http.StatusServiceUnavailable)
}
