package route_test

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
)

// TestConfigure: a request keeps the settings that it began with.
func TestConfigure(t *testing.T) {
	t.Parallel()
	instances := registry.New(registry.Options{})
	app := route.NewApp("shop", instances, route.Settings{RequestTimeout: time.Second})
	if app.Name() != "shop" || app.Registry() != instances {
		t.Errorf("app %q with another registry: %t", app.Name(), app.Registry() != instances)
	}
	if d := app.KeepAlive(); d != policy.StaleAfter {
		t.Errorf("connections are kept for %v by default", d)
	}
	before := app.Settings()
	app.Configure(route.Settings{RequestTimeout: time.Minute})
	if before.RequestTimeout != time.Second || app.Settings().RequestTimeout != time.Minute {
		t.Errorf("settings %v before Configure, %v after it", before, app.Settings())
	}
}

// TestSingle: every request is for the one app, and asking allocates nothing.
func TestSingle(t *testing.T) {
	t.Parallel()
	app := route.NewApp("default", registry.New(registry.Options{}), route.Settings{})
	router := route.Single(app)
	if apps := router.Apps(); len(apps) != 1 || apps[0] != app {
		t.Errorf("apps %v, want the one app", apps)
	}
	for _, c := range [][2]string{{"", "/"}, {"a.example:80", "/a"}, {"a", "*"}} {
		if got := router.Route([]byte(c[0]), []byte(c[1])); got != (route.Match{App: app}) {
			t.Errorf("host %q, path %q: got %v, want the one app", c[0], c[1], got)
		}
	}
}

func TestRouteAllocations(t *testing.T) {
	router := route.Single(route.NewApp("default", registry.New(registry.Options{}), route.Settings{}))
	host, path := []byte("a"), []byte("/")
	if n := testing.AllocsPerRun(100, func() { _ = router.Route(host, path).App.Settings() }); n != 0 {
		t.Errorf("%v allocations to route a request", n)
	}
}
