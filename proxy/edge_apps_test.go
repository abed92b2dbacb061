package proxy_test

import (
	"net/http"
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/route"
)

// TestEdgeOfApps: each app has its own rules, and its own counts of requests.
func TestEdgeOfApps(t *testing.T) {
	t.Parallel()
	limited := edge.Settings{AppRate: edge.Rate{Requests: 1, Per: 1 << 50, Burst: 2}}
	var rules []route.Rule
	for name, settings := range map[string]edge.Settings{
		"plain":   {},
		"fields":  {Set: map[string]string{"X-A": "b"}},
		"closed":  {Deny: networks("127.0.0.0/8")},
		"limited": limited, // one request for each protocol
		"other":   limited,
		"packed":  {Compress: true},
	} {
		app := newEchoApp(t, name)
		app.Configure(route.Settings{RequestTimeout: patience, Edge: edge.New(settings)})
		rules = append(rules, route.Rule{App: app, Hosts: []string{name + ".test"}})
	}
	url := serveProxy(t, proxy.Options{
		Engine: engine, Router: route.NewTable(rules),
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		ask := func(name string, code int) *http.Response {
			t.Helper()
			r := newRequest(t, http.MethodGet, url, nil)
			r.Host = name + ".test"
			res := do(t, client, r)
			readAll(t, res)
			if res.StatusCode != code {
				t.Errorf("%s: %d, want %d", name, res.StatusCode, code)
			}
			return res
		}
		for range 2 { // on one connection
			if ask("plain", 200).Header.Get("X-A") != "" || ask("fields", 200).Header.Get("X-A") != "b" {
				t.Error("X-A of the wrong app")
			}
			ask("closed", 403)
			ask("packed", 200)
		}
		ask("limited", 200)
		ask("other", 200)
	})
	client := newClient(t, "http1")
	for _, name := range []string{"limited", "other"} {
		r := newRequest(t, http.MethodGet, url, nil)
		r.Host = name + ".test"
		if res := do(t, client, r); res.StatusCode != http.StatusTooManyRequests {
			t.Errorf("%s: %d after all its requests", name, res.StatusCode)
		}
	}
}
