package proxy_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/route"
)

// TestWebSocketUnderRules: the rules of an app may block, which another lane sees to.
func TestWebSocketUnderRules(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echoMessages(t))}, edge: edge.Settings{Compress: true}})
	testWebSocket(t, f.url, "")
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
