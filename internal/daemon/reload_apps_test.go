package daemon_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestReloadOfOneApp: an app that is added, changed or removed does not touch the others.
// The requests of one that is removed finish, and then there is none for them.
func TestReloadOfOneApp(t *testing.T) {
	t.Parallel()
	r := startTwo(t, withOwn)
	r.AwaitReadyOf("own", 1)
	web := r.PIDsOf("web")
	traffic := daemontest.StartLoad(t, 4, r.URL, "/own")
	defer traffic.Stop() // of an app that is there all the time
	same := func(what string) {
		t.Helper()
		if got := r.PIDsOf("web"); !slices.Equal(got, web) {
			t.Errorf("%s: the instances of another app are %v, want %v", what, got, web)
		}
	}

	const shop = "  shop: {hosts: [shop.test], paths: [/shop], strip: true}\n"
	r.Reload(withOwn + shop)
	r.AwaitReadyOf("shop", 1)
	if code, body, _ := ask(t, r, "shop.test", "/shop"); code != http.StatusOK {
		t.Errorf("the new app answers %d %s", code, body)
	}
	same("added")

	api := r.PIDsOf("api")
	r.Reload(strings.Replace(withOwn, "WHO: api", "WHO: other", 1) + shop)
	daemontest.Eventually(t, "another instance of the app that has changed", func() bool {
		now := r.PIDsOf("api")
		return len(now) == 1 && now[0] != api[0] && r.PoolOf("api").GetInstances()[0].GetState() == dynlbv1.InstanceState_INSTANCE_STATE_READY
	})
	same("changed")

	answered := make(chan int, 1)
	go func() {
		code, _, _ := ask(t, r, "shop.test", "/shop/slow?ms=2500")
		answered <- code
	}()
	daemontest.Eventually(t, "a request at the app", func() bool { return r.PoolOf("shop").GetInstances()[0].GetInFlight() == 1 })
	gone := r.PIDsOf("shop")
	r.Reload(withOwn)
	daemontest.Eventually(t, "an app that is gone", func() bool {
		_, err := r.Client.GetStatus(context.Background(), &dynlbv1.GetStatusRequest{App: "shop"})
		return status.Code(err) == codes.NotFound
	})
	if code, _, _ := ask(t, r, "shop.test", "/shop"); code != http.StatusNotFound { // own has the host
		t.Errorf("a request for the app that is gone: %d, want 404", code)
	}
	if code := <-answered; code != http.StatusOK {
		t.Errorf("the request that the app had is answered %d", code)
	}
	daemontest.Eventually(t, "the end of its instances", func() bool {
		return !slices.Contains(daemontest.InstancesOn(r.BasePort), gone[0]) && strings.Contains(r.Log.String(), `msg="app ended" app=shop`)
	})
	same("removed")
}

// withOwn is twoApps with an app for the path of traffic that has no host.
const withOwn = twoApps + "  own: {paths: [/own], strip: true}\n"

// TestTrialOfOneApp: when the new instances of one app do not start, the others get their
// previous settings again, and those that did not change are not touched.
func TestTrialOfOneApp(t *testing.T) {
	t.Parallel()
	r := startTwo(t, twoApps+"  rest: {hosts: [rest.test]}\n")
	r.AwaitReadyOf("rest", 1)
	api, rest := r.PIDsOf("api"), r.PIDsOf("rest")
	r.Reload(strings.Replace(strings.Replace(twoApps, "WHO: web}", "WHO: other}, requestTimeout: 50ms", 1),
		"WHO: api}", "WHO: api}, command: [sh, -c, 'echo broken >&2; exit 3']", 1) + "  rest: {hosts: [rest.test]}\n  more: {hosts: [more.test]}\n")
	const want = "app api: 0 of 1 instances replaced, the others stay; the new one: exit status 3: broken"
	daemontest.Eventually(t, "the error in the status of each app", func() bool {
		return r.PoolOf("web").GetConfigError() == want && r.PoolOf("api").GetConfigError() == want && r.PoolOf("rest").GetConfigError() == want
	})
	if _, err := r.Client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{App: "more"}); status.Code(err) != codes.NotFound {
		t.Errorf("an app of the config that is not in force: %v", err)
	}
	daemontest.Eventually(t, "the previous settings of the other app", func() bool {
		now := r.PIDsOf("web")
		return len(now) == 1 && r.PoolOf("web").GetInstances()[0].GetState() == dynlbv1.InstanceState_INSTANCE_STATE_READY &&
			strings.Contains(environ(t, now[0]), "\x00WHO=web\x00")
	})
	if code, body, _ := ask(t, r, "a.test", "/slow?ms=300"); code != http.StatusOK {
		t.Errorf("a request of 300 ms is answered %d %s: the requestTimeout of the new config is in force", code, body)
	}
	if got := r.PIDsOf("api"); !slices.Equal(got, api) {
		t.Errorf("the app that has failed has instances %v, want %v", got, api)
	}
	if got := r.PIDsOf("rest"); !slices.Equal(got, rest) {
		t.Errorf("an app that has not changed has instances %v, want %v", got, rest)
	}
}

// TestReloadToSeveralApps: a config of one app becomes one of several and back, while
// requests go on.
func TestReloadToSeveralApps(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\n")
	r.AwaitReady(1)
	traffic := daemontest.StartLoad(t, 4, r.URL, "/")
	r.Reload("minInstances: 1\napps: {web: {}, api: {paths: [/api]}}\n")
	daemontest.Eventually(t, "two apps", func() bool {
		response, err := r.Client.ListApps(context.Background(), &dynlbv1.ListAppsRequest{})
		return err == nil && slices.Equal(response.GetApps(), []string{"api", "web"})
	})
	r.AwaitReadyOf("web", 1)
	r.Reload("minInstances: 1\n")
	daemontest.Eventually(t, "one app", func() bool {
		response, err := r.Client.ListApps(context.Background(), &dynlbv1.ListAppsRequest{})
		return err == nil && slices.Equal(response.GetApps(), []string{"default"})
	})
	r.AwaitReady(1)
	traffic.Stop()
}

// TestAppComesBack: an app that is removed and added again, while the first one still
// answers a request, is a new one on other ports.
func TestAppComesBack(t *testing.T) {
	t.Parallel()
	const web, shop = "minInstances: 1\napps:\n  web: {}\n", "  shop: {paths: [/shop], strip: true}\n"
	r := daemontest.Start(t, web+shop)
	r.AwaitReadyOf("shop", 1)
	first := r.PIDsOf("shop")
	answered := make(chan int, 1)
	go func() {
		code, _, _ := ask(t, r, "any.test", "/shop/slow?ms=3000")
		answered <- code
	}()
	daemontest.Eventually(t, "a request at the app", func() bool { return r.PoolOf("shop").GetInstances()[0].GetInFlight() == 1 })
	r.Reload(web)
	daemontest.Eventually(t, "an app that is gone", func() bool {
		_, err := r.Client.GetStatus(context.Background(), &dynlbv1.GetStatusRequest{App: "shop"})
		return status.Code(err) == codes.NotFound
	})
	r.Reload(web + shop)
	r.AwaitReadyOf("shop", 1)
	if now := r.PIDsOf("shop"); slices.Equal(now, first) {
		t.Errorf("instances %v, want new ones", now)
	}
	if code, body, _ := ask(t, r, "any.test", "/shop"); code != http.StatusOK {
		t.Errorf("the new app answers %d %s", code, body)
	}
	if code := <-answered; code != http.StatusOK {
		t.Errorf("the request to the app before is answered %d", code)
	}
	daemontest.Eventually(t, "the end of the app before", func() bool { return strings.Contains(r.Log.String(), `msg="app ended" app=shop`) })
	r.AwaitReadyOf("shop", 1)
}
