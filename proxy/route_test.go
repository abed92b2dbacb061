package proxy_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// byHost is a second router: it has an app for each host, and one for a path.
type byHost struct {
	hosts map[string]*route.App
	admin *route.App
}

func (r byHost) Route(host, path []byte) route.Match {
	if strings.HasPrefix(string(path), "/admin") {
		return route.Match{App: r.admin}
	}
	return route.Match{App: r.hosts[string(host)]}
}

func (r byHost) Apps() []*route.App {
	apps := []*route.App{r.admin}
	for _, app := range r.hosts {
		apps = append(apps, app)
	}
	return apps
}

// TestRouter checks that each request goes to an instance of the app that the router
// names, on HTTP/1.1 and HTTP/2, and that its outcome names the app.
func TestRouter(t *testing.T) {
	t.Parallel()
	newApp := func(name string) *route.App {
		instances := registry.New(registry.Options{QueueLimit: 1, QueueTimeout: patience})
		addInstance(t, instances, server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(name)) }))
		return route.NewApp(name, instances, route.Settings{RequestTimeout: patience})
	}
	router := byHost{
		hosts: map[string]*route.App{"shop.example": newApp("shop"), "blog.example": newApp("blog")},
		admin: newApp("admin"),
	}
	recorded := make(chan string, 100)
	f := serveProxy(t, proxy.Options{Engine: engine, Router: router, Record: func(o *outcome.Outcome) { recorded <- o.App }})
	for _, protocol := range []string{"http1", "http2"} {
		client := newClient(t, protocol)
		for _, c := range []struct {
			host, path, app string
			code            int
		}{
			{"shop.example", "/", "shop", http.StatusOK},
			{"blog.example", "/", "blog", http.StatusOK},
			{"blog.example", "/admin/users?a=b", "admin", http.StatusOK},
			{"other.example", "/", "", http.StatusNotFound},
			{"shop.example", "/cart", "shop", http.StatusOK},
		} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f+c.path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = c.host
			res, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body := readAll(t, res)
			if res.StatusCode != c.code || c.code == http.StatusOK && body != c.app {
				t.Errorf("%s: %s%s: %d %q, want %d %q", protocol, c.host, c.path, res.StatusCode, body, c.code, c.app)
			}
			if got := wait(t, recorded, "outcome"); got != c.app {
				t.Errorf("%s: %s%s: the outcome names %q, want %q", protocol, c.host, c.path, got, c.app)
			}
		}
	}
}

// TestRouterTimeouts checks that a request has the timeout of its app, and that the
// log names that app.
func TestRouterTimeouts(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	defer close(stuck)
	instances := registry.New(registry.Options{QueueLimit: 1, QueueTimeout: patience})
	addInstance(t, instances, server(t, func(http.ResponseWriter, *http.Request) { <-stuck }))
	app := route.NewApp("impatient", instances, route.Settings{RequestTimeout: 50 * time.Millisecond})
	f := &front{log: &logBuffer{}}
	f.url = serveProxy(t, proxy.Options{
		Engine: engine, Router: byHost{admin: app}, Log: slog.New(slog.NewTextHandler(f.log, nil)),
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		if res := get(t, client, f.url+"/admin"); res.StatusCode != http.StatusGatewayTimeout {
			t.Errorf("got %d, want 504", res.StatusCode)
		}
		if res := get(t, client, f.url); res.StatusCode != http.StatusNotFound || !strings.Contains(readAll(t, res), policy.ErrNoApp.Error()) {
			t.Errorf("got %d without the reason, want 404", res.StatusCode)
		}
	})
	if log := f.log.String(); !strings.Contains(log, "app=impatient") {
		t.Errorf("the log does not name the app: %s", log)
	}
}

// TestRouterDepartures checks that the idle connections to an instance are closed
// when it leaves service, whatever app it is of.
func TestRouterDepartures(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 1)
	address := proxytest.Script(t, func(c *proxytest.Peer) {
		for c.Head() != nil {
			c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		}
		closed <- struct{}{}
	})
	instances := registry.New(registry.Options{QueueLimit: 1, QueueTimeout: patience})
	id := addInstance(t, instances, address)
	other := route.NewApp("other", registry.New(registry.Options{}), route.Settings{})
	router := byHost{admin: other, hosts: map[string]*route.App{"a": route.NewApp("leaves", instances, route.Settings{})}}
	p := proxy.New(proxy.Options{Engine: engine, Router: router})
	p.TrustEndpoint(endpointOf(address))
	c := proxytest.Dial(t, serveOn(t, p))
	if !serves(c, patience) {
		t.Fatal("no response")
	}
	began := time.Now()
	if _, err := instances.Drain(id, "test"); err != nil {
		t.Fatal(err)
	}
	wait(t, closed, "close of the idle connection")
	if took := time.Since(began); took > policy.StaleAfter/2 { // later it is closed in any case
		t.Errorf("the idle connection was closed after %v", took)
	}
}
