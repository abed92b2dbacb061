package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// outcomes serves a proxy over an app, and returns its outcomes as they are recorded.
func outcomes(t *testing.T, instances *registry.Registry) (url string, ended <-chan outcome.Outcome) {
	recorded := make(chan outcome.Outcome, 16)
	router := route.Single(route.NewApp("shop", instances, route.Settings{RequestTimeout: patience}))
	url = serveProxy(t, proxy.Options{Engine: engine, Router: router, Record: func(o *outcome.Outcome) {
		kept := *o
		kept.Method, kept.Route = bytes.Clone(o.Method), bytes.Clone(o.Route)
		recorded <- kept
	}})
	return url, recorded
}

// TestOutcome checks what is recorded of a request, on HTTP/1.1 and HTTP/2.
func TestOutcome(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	const large = 3 << 20
	instances := registry.New(registry.Options{})
	id := string(addInstance(t, instances, server(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/large":
			_, _ = w.Write(make([]byte, large))
		case "/cut":
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
		case "/error":
			http.Error(w, "sorry", http.StatusInternalServerError)
		case "/close":
			panic(http.ErrAbortHandler)
		default:
			_, _ = io.WriteString(w, "hello")
		}
	})))
	url, ended := outcomes(t, instances)
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, c := range []struct {
			method, path, content string
			want                  outcome.Outcome
		}{
			{"GET", "/a?secret", "", outcome.Outcome{Route: []byte("/a"), Code: 200, BytesOut: 5}},
			{"HEAD", "/", "", outcome.Outcome{Route: []byte("/"), Code: 200}},
			{"POST", "/", "abc", outcome.Outcome{Route: []byte("/"), Code: 200, BytesIn: 3, BytesOut: 5}},
			{"PUT", "/", strings.Repeat("x", large), outcome.Outcome{Route: []byte("/"), Code: 200, BytesIn: large, BytesOut: 5}},
			{"GET", "/large", "", outcome.Outcome{Route: []byte("/large"), Code: 200, BytesOut: large}},
			{"GET", "/cut", "", outcome.Outcome{Route: []byte("/cut"), Code: 502, Source: outcome.Instance, BytesOut: 4}},
			{"GET", "/error", "", outcome.Outcome{Route: []byte("/error"), Code: 500, Source: outcome.Instance, BytesOut: 6}},
			{"POST", "/close", "", outcome.Outcome{Route: []byte("/close"), Code: 502, Source: outcome.Instance}},
			{"TRACE", "/b", "", outcome.Outcome{Route: []byte("/b"), Code: 405, Source: outcome.Client}},
		} {
			c.want.Method, c.want.Client = []byte(c.method), "127.0.0.1"
			if c.want.Source != outcome.Client {
				c.want.App, c.want.Instance, c.want.Attempts = "shop", id, 1
			}
			res := do(t, client, newRequest(t, c.method, url+c.path, strings.NewReader(c.content)))
			n, _ := io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if res.Header.Get("Content-Type") == "application/json" { // an answer of dynlb
				c.want.BytesOut = n
			}
			got := wait(t, ended, "outcome")
			if got.Duration < 0 || got.Duration > time.Minute {
				t.Errorf("%s %s: it took %v", c.method, c.path, got.Duration)
			}
			got.Duration, got.Shard = 0, 0
			if a, b := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", c.want); a != b {
				t.Errorf("%s %s:\ngot  %s\nwant %s", c.method, c.path, a, b)
			}
		}
	})
	c := proxytest.Dial(t, url[strings.Index(url, "//")+2:])
	c.Send("nonsense\n\n")
	c.Rest()
	if got := wait(t, ended, "outcome"); got.Code != 400 || got.Source != outcome.Client || got.App != "" || got.Client != "127.0.0.1" || got.Attempts != 0 {
		t.Errorf("of no request: %+v", got)
	}
}

// TestOutcomeQueued checks that the time in the queue is recorded.
func TestOutcomeQueued(t *testing.T) {
	t.Parallel()
	url, ended := outcomes(t, registry.New(registry.Options{QueueLimit: 1, QueueTimeout: soon}))
	res := get(t, newClient(t, "http1"), url)
	wantFault(t, res, http.StatusServiceUnavailable, "no instance available")
	o := wait(t, ended, "outcome")
	if o.Queued < soon-soon/10 || o.Queued > o.Duration || o.Source != outcome.Dynlb || o.Attempts != 0 || o.Instance != "" {
		t.Errorf("got %+v", o)
	}
}
