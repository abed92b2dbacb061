package route_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
)

// newRule returns the rule of a new app.
func newRule(name, hosts, paths string, strip bool) route.Rule {
	app := route.NewApp(name, registry.New(registry.Options{}), route.Settings{})
	return route.Rule{App: app, Hosts: strings.Fields(hosts), Paths: strings.Fields(paths), Strip: strip}
}

// outcomeOf returns what a table says of a request in one word: the app and what is
// stripped, or the error.
func outcomeOf(t *route.Table, host, path string) string {
	m := t.Route([]byte(host), []byte(path))
	switch {
	case m.App == nil:
		return map[error]string{policy.ErrNoApp: "404", policy.ErrNoHost: "421"}[m.Err()]
	case m.Strip > 0:
		return fmt.Sprintf("%s-%s", m.App.Name(), path[:m.Strip])
	default:
		return m.App.Name()
	}
}

// TestTable: the exact host counts before the wildcard, that before any host, and then
// the longest path; a path is divided at slashes only.
func TestTable(t *testing.T) {
	t.Parallel()
	table := route.NewTable([]route.Rule{
		newRule("web", "a.example.com [::1] 10.0.0.1", "", false),
		newRule("api", "a.example.com", "/api /v2/ /api/admin", true),
		newRule("admin", "a.example.com", "/api/admin/", false),
		newRule("wild", "*.example.com", "", false),
		newRule("deep", "*.b.example.com", "/deep", false),
		newRule("part", "c.example.com", "/part", false),
	})
	wide := route.NewTable([]route.Rule{
		newRule("web", "", "", false),
		newRule("api", "api.example.com", "/v1", false),
		newRule("static", "", "/static", true),
	})
	for _, c := range []struct {
		table            *route.Table
		host, path, want string
	}{
		{table, "a.example.com", "/", "web"},
		{table, "A.Example.COM:4000", "/", "web"},
		{table, "a.example.com.", "/", "web"},
		{table, "a.example.com.:80", "/x", "web"},
		{table, "[::1]:4000", "/", "web"},
		{table, "[::1]", "/", "web"},
		{table, "10.0.0.1:80", "/", "web"},
		{table, "a.example.com", "/api", "api-/api"},
		{table, "a.example.com", "/api/", "api-/api"},
		{table, "a.example.com", "/api/users", "api-/api"},
		{table, "a.example.com", "/apis", "web"},
		{table, "a.example.com", "/API", "web"},
		{table, "a.example.com", "/v2", "api-/v2"},
		{table, "a.example.com", "/v2/", "api-/v2"},
		{table, "a.example.com", "/api/admin/x", "admin"},
		{table, "a.example.com", "/api/administrator", "api-/api"},
		{table, "a.example.com", "*", "web"},
		{table, "x.example.com", "/", "wild"},
		{table, "x.y.example.com", "/", "wild"},
		{table, "x.b.example.com", "/deep/", "deep"},
		{table, "x.b.example.com", "/", "wild"},
		{table, "example.com", "/", "421"},
		{table, ".example.com", "/", "421"},
		{table, "c.example.com", "/part", "part"},
		{table, "c.example.com", "/other", "wild"},
		{table, "other.example.org", "/", "421"},
		{table, "", "/", "421"},
		{table, strings.Repeat("a", 300) + ".example.com", "/", "421"},
		{wide, "", "/", "web"},
		{wide, "api.example.com", "/v1/x", "api"},
		{wide, "api.example.com", "/v2", "web"},
		{wide, "b", "/static/a.css", "static-/static"},
		{wide, "b", "/static", "static-/static"},
		{wide, "b", "*", "web"},
	} {
		if got := outcomeOf(c.table, c.host, c.path); got != c.want {
			t.Errorf("host %.30q, path %q: %s, want %s", c.host, c.path, got, c.want)
		}
	}
}

// TestTableReplace: the rules in force are the last ones.
func TestTableReplace(t *testing.T) {
	t.Parallel()
	only, part := newRule("only", "", "", false), newRule("part", "a", "/part", false)
	table := route.NewTable([]route.Rule{only})
	if got := outcomeOf(table, "any", "/other"); got != "only" {
		t.Errorf("one app: %s", got)
	}
	table.Replace([]route.Rule{part})
	for path, want := range map[string]string{"/part": "part", "/other": "404"} {
		if got := outcomeOf(table, "a", path); got != want {
			t.Errorf("replaced, path %s: %s, want %s", path, got, want)
		}
	}
	if got := outcomeOf(table, "any", "/"); got != "421" {
		t.Errorf("replaced, another host: %s, want 421", got)
	}
	if apps := table.Apps(); len(apps) != 1 || apps[0] != part.App {
		t.Errorf("apps %v", apps)
	}
}

// manyRules returns rules of n apps, each with a host, a wildcard and a path of its own.
func manyRules(n int) []route.Rule {
	var rules []route.Rule
	for i := range n {
		name := fmt.Sprintf("app%d", i)
		rules = append(rules, newRule(name, fmt.Sprintf("%[1]s.example.com *.%[1]s.example.com www.example.com", name), "/"+name, true))
	}
	return rules
}

func TestTableAllocations(t *testing.T) {
	table := route.NewTable(manyRules(100))
	for _, host := range []string{"APP7.example.com:4000", "x.app7.example.com", "www.example.com", "other"} {
		host, path := []byte(host), []byte("/app7/a/b/c")
		if n := testing.AllocsPerRun(100, func() { table.Route(host, path) }); n != 0 {
			t.Errorf("host %s: %v allocations to route a request", host, n)
		}
	}
}

func BenchmarkRoute(b *testing.B) {
	for _, c := range []struct {
		name  string
		rules []route.Rule
		host  string
	}{
		{"one", []route.Rule{newRule("default", "", "", false)}, "localhost:4000"},
		{"one-host", []route.Rule{newRule("web", "www.example.com", "", false)}, "www.example.com"},
		{"hundred-exact", manyRules(100), "app77.example.com"},
		{"hundred-wildcard", manyRules(100), "x.app77.example.com"},
		{"hundred-path", manyRules(100), "www.example.com"},
	} {
		b.Run(c.name, func(b *testing.B) {
			table := route.NewTable(c.rules)
			host, path := []byte(c.host), []byte("/app77/users/42")
			b.ReportAllocs()
			for b.Loop() {
				table.Route(host, path)
			}
		})
	}
}
