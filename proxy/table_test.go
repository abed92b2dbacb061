package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// newEchoApp returns an app whose instance answers with its name, the path that it got,
// and the X-Forwarded-Prefix that it got.
func newEchoApp(t *testing.T, name string) *route.App {
	t.Helper()
	instances := registry.New(registry.Options{QueueLimit: 1, QueueTimeout: patience})
	addInstance(t, instances, server(t, func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, strings.TrimSpace(name+" "+r.RequestURI+" "+r.Header.Get("X-Forwarded-Prefix")+" "+string(content)))
	}))
	return route.NewApp(name, instances, route.Settings{RequestTimeout: patience})
}

// TestTable: requests of HTTP/1.1 and HTTP/2 go to the app that has their host and path;
// the instance gets the path without what is stripped; the others get a 421 or a 404, and
// the connection stays usable.
func TestTable(t *testing.T) {
	t.Parallel()
	recorded := make(chan outcome.Outcome, 100)
	f := serveProxy(t, proxy.Options{
		Engine: engine,
		Router: route.NewTable([]route.Rule{
			{App: newEchoApp(t, "web"), Hosts: []string{"a.example", "*.b.example"}},
			{App: newEchoApp(t, "api"), Hosts: []string{"a.example"}, Paths: []string{"/api"}, Strip: true},
			{App: newEchoApp(t, "part"), Hosts: []string{"c.example"}, Paths: []string{"/part"}},
		}),
		Record: func(o *outcome.Outcome) {
			recorded <- outcome.Outcome{App: o.App, Route: append([]byte(nil), o.Route...), Code: o.Code, Source: o.Source}
		},
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, c := range []struct {
			host, path, content, app, want string
			code                           int
		}{
			{"a.example", "/x?y=z", "", "web", "web /x?y=z", 200},
			{"A.EXAMPLE:80", "/", "", "web", "web /", 200},
			{"x.b.example", "/api", "", "web", "web /api", 200},
			{"a.example", "/api", "", "api", "api / /api", 200},
			{"a.example", "/api?y=z", "", "api", "api /?y=z /api", 200},
			{"a.example", "/api/users", "content", "api", "api /users /api content", 200},
			{"a.example", "/apis", "", "web", "web /apis", 200},
			{"c.example", "/part/x", "", "part", "part /part/x", 200},
			{"c.example", "/other", "", "", policy.ErrNoApp.Error(), 404},
			{"d.example", "/", "", "", policy.ErrNoHost.Error(), 421},
			{"a.example", "/last", "", "web", "web /last", 200},
		} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f+c.path, strings.NewReader(c.content))
			if err != nil {
				t.Fatal(err)
			}
			request.Host = c.host
			res, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			if body := readAll(t, res); res.StatusCode != c.code || !strings.Contains(body, c.want) || c.code == 200 && body != c.want {
				t.Errorf("%s%s: %d %q, want %d %q", c.host, c.path, res.StatusCode, body, c.code, c.want)
			}
			o := wait(t, recorded, "outcome")
			if path, _, _ := strings.Cut(c.path, "?"); o.App != c.app || string(o.Route) != path || o.Code != c.code || (o.Source == outcome.Client) != (c.code != 200) {
				t.Errorf("%s%s: recorded %+v", c.host, c.path, o)
			}
		}
	})
}

// TestRerouted: new rules hold for the next request, on open connections too. An
// instance of the new app whose port was one of another app before gets connections of
// its own, and that of an app that is gone is followed until the app has ended.
func TestRerouted(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 1)
	address := proxytest.Script(t, func(c *proxytest.Peer) {
		for c.Head() != nil {
			c.Send("HTTP/1.1 200 OK\nContent-Length: 3\n\nold")
		}
		closed <- struct{}{}
	})
	instances := registry.New(registry.Options{QueueLimit: 1, QueueTimeout: patience})
	id := addInstance(t, instances, address)
	old := route.NewApp("old", instances, route.Settings{RequestTimeout: patience})
	table := route.NewTable([]route.Rule{{App: old}})
	p := proxy.New(proxy.Options{Engine: engine, Router: table})
	p.Trust(address)
	url := "http://" + serveOn(t, p)
	client := newClient(t, "http1")
	if body := readAll(t, get(t, client, url)); body != "old" {
		t.Fatalf("got %q", body)
	}
	table.Replace([]route.Rule{{App: newEchoApp(t, "new")}})
	p.Rerouted()
	if body := readAll(t, get(t, client, url+"/x")); body != "new /x" {
		t.Errorf("got %q, want an answer of the new app", body)
	}
	instances.Close()
	if _, err := instances.Drain(id, "test"); err != nil {
		t.Fatal(err)
	}
	wait(t, closed, "close of the idle connection to the app that is gone")
	if err := instances.Transition(id, registry.Stopped, "test"); err != nil {
		t.Fatal(err)
	}
}
