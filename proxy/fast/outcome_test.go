//go:build linux

package fast

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
)

// outcomes serves an engine whose outcomes can be received.
func outcomes(t *testing.T, options Options) (*lane, <-chan outcome.Outcome) {
	ended := make(chan outcome.Outcome, 16)
	options.Record = func(o *outcome.Outcome) {
		kept := *o
		kept.Method, kept.Route = bytes.Clone(o.Method), bytes.Clone(o.Route)
		ended <- kept
	}
	return serve(t, options), ended
}

// TestOutcome: a request is reported once, with how it ended and where an error
// came from.
func TestOutcome(t *testing.T) {
	t.Parallel()
	const large = 3 << 20 // goes through a pipe
	instance := server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			w.Header().Set("Content-Length", fmt.Sprint(large))
			_, _ = w.Write(make([]byte, large))
		case "/cut":
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write([]byte("half"))
		case "/error":
			http.Error(w, "sorry", http.StatusInternalServerError)
		case "/close":
			panic(http.ErrAbortHandler)
		default:
			echo(w, r)
		}
	})
	f, ended := outcomes(t, Options{Loops: 1})
	trust(f.conduct.Of(registry.Endpoint{Network: "tcp", Address: instance}))
	id := string(addInstance(t, f.registry, instance))
	for _, c := range []struct {
		request string
		want    outcome.Outcome
	}{
		{"GET /a?secret HTTP/1.1\nHost: a\nConnection: close\n\n", outcome.Outcome{Route: []byte("/a"), Code: 200, BytesOut: int64(len("GET /a?secret "))}},
		{"POST / HTTP/1.1\nHost: a\nConnection: close\nContent-Length: 3\n\nabc", outcome.Outcome{Route: []byte("/"), Code: 200, BytesIn: 3, BytesOut: int64(len("POST / abc"))}},
		{"POST / HTTP/1.1\nHost: a\nConnection: close\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n", outcome.Outcome{Route: []byte("/"), Code: 200, BytesIn: 3, BytesOut: int64(len("POST / abc"))}},
		{"GET /large HTTP/1.1\nHost: a\nConnection: close\n\n", outcome.Outcome{Route: []byte("/large"), Code: 200, BytesOut: large}},
		{"GET /cut HTTP/1.1\nHost: a\nConnection: close\n\n", outcome.Outcome{Route: []byte("/cut"), Code: 502, Source: outcome.Instance, BytesOut: 4}},
		{"GET /error HTTP/1.1\nHost: a\nConnection: close\n\n", outcome.Outcome{Route: []byte("/error"), Code: 500, Source: outcome.Instance, BytesOut: 6}},
		{"POST /close HTTP/1.1\nHost: a\nConnection: close\nContent-Length: 0\n\n", outcome.Outcome{Route: []byte("/close"), Code: 502, Source: outcome.Instance}},
		{"TRACE /b HTTP/1.1\nHost: a\nConnection: close\n\n", outcome.Outcome{Route: []byte("/b"), Code: 405, Source: outcome.Client}},
		{"nonsense\n\n", outcome.Outcome{Code: 400, Source: outcome.Client}},
	} {
		c.want.Method, _, _ = bytes.Cut([]byte(c.request), []byte(" "))
		if c.want.Source != outcome.Client {
			c.want.App, c.want.Instance, c.want.Attempts = "default", id, 1
		}
		if c.want.Code == 400 {
			c.want.Method = nil
		}
		client := dial(t, f.address)
		client.send(c.request)
		client.rest()
		got := <-ended
		if got.Duration < 0 || got.Duration > time.Minute {
			t.Errorf("%q: it took %v", c.request, got.Duration)
		}
		got.Duration = 0
		if a, b := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", c.want); a != b {
			t.Errorf("%q:\ngot  %s\nwant %s", c.request, a, b)
		}
	}
}

// TestOutcomeQueued: the time in the queue is reported when it ends in a timeout.
func TestOutcomeQueued(t *testing.T) {
	t.Parallel()
	f, ended := outcomes(t, Options{Router: over(registry.New(registry.Options{QueueLimit: 1, QueueTimeout: 100 * time.Millisecond}))})
	c := dial(t, f.address)
	c.send("GET / HTTP/1.1\nHost: a\n\n")
	if code, _ := c.response(t); code != 503 {
		t.Errorf("got %d, want 503", code)
	}
	if o := <-ended; o.Queued < 90*time.Millisecond || o.Queued > o.Duration || o.Source != outcome.Dynlb || o.Attempts != 0 || o.Instance != "" {
		t.Errorf("got %+v", o)
	}
}

// byName is a router over several apps: by host, and below it by path.
type byName struct{ shop, blog, admin *route.App }

func (r byName) Route(host, path []byte) *route.App {
	switch {
	case string(host) == "shop.test" && bytes.HasPrefix(path, []byte("/admin/")):
		return r.admin
	case string(host) == "shop.test":
		return r.shop
	case string(host) == "blog.test":
		return r.blog
	default:
		return nil
	}
}

func (r byName) Apps() []*route.App { return []*route.App{r.shop, r.blog, r.admin} }

// TestRouter: each request goes to an instance of its app, with the app's settings,
// and one that is for no app is answered.
func TestRouter(t *testing.T) {
	t.Parallel()
	app := func(name string, limit time.Duration) *route.App {
		r := registry.New(registry.Options{QueueLimit: 8, QueueTimeout: 10 * time.Second})
		stuck := make(chan struct{})
		addInstance(t, r, server(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "stuck") {
				<-stuck
			}
			fmt.Fprint(w, name)
		}))
		t.Cleanup(func() { close(stuck) })
		return route.NewApp(name, r, route.Settings{RequestTimeout: limit})
	}
	apps := byName{shop: app("shop", time.Minute), blog: app("blog", 50*time.Millisecond), admin: app("admin", time.Minute)}
	f, ended := outcomes(t, Options{Router: apps})
	apps.shop.Configure(route.Settings{RequestTimeout: time.Minute})
	c := dial(t, f.address)
	for _, step := range []struct {
		host, path, app string
		code            int
	}{
		{"shop.test", "/", "shop", 200},
		{"blog.test", "/admin/", "blog", 200},
		{"shop.test", "/admin/x?y", "admin", 200},
		{"other.test", "/", "", 404},
		{"shop.test", "/", "shop", 200},
		{"blog.test", "/stuck", "blog", 504},
	} {
		c.send("GET " + step.path + " HTTP/1.1\nHost: " + step.host + "\n\n")
		code, body := c.response(t)
		if code != step.code || code == 200 && body != step.app {
			t.Errorf("%s%s: %d %q, want %d from %q", step.host, step.path, code, body, step.code, step.app)
		}
		if code == 404 && !strings.Contains(body, policy.ErrNoApp.Error()) {
			t.Errorf("%s: got %q", step.host, body)
		}
		if o := <-ended; o.App != step.app {
			t.Errorf("%s%s: reported for %q, want %q", step.host, step.path, o.App, step.app)
		}
	}
	if log := f.log.String(); !strings.Contains(log, "app=blog") {
		t.Errorf("the log does not name the app: %s", log)
	}
}
