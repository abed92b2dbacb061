package daemon_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// twoApps is a config with two apps that run the demo backend.
const twoApps = `
minInstances: 1
maxInstances: 4
apps:
  web: {hosts: [a.test, "*.b.test"], env: {WHO: web}}
  api: {hosts: [a.test], paths: [/api], strip: true, maxInstances: 2, env: {WHO: api}}
`

// startTwo runs a daemon with two apps, and waits for an instance of each.
func startTwo(t *testing.T, yaml string) *daemontest.Running {
	t.Helper()
	r := daemontest.Start(t, yaml)
	r.AwaitReadyOf("web", 1)
	r.AwaitReadyOf("api", 1)
	return r
}

// ask returns the answer to a GET with a host, and the port of the instance that
// answered; "" if none did.
func ask(t *testing.T, r *daemontest.Running, host, path string) (code int, body, port string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return 0, "", ""
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(content), response.Header.Get("X-Instance")
}

// environ returns the environment of a process.
func environ(t *testing.T, pid int) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

// portsOf returns the ports of the instances of an app.
func portsOf(r *daemontest.Running, app string) (ports []string) {
	for _, in := range r.PoolOf(app).GetInstances() {
		_, port, _ := strings.Cut(in.GetAddress(), ":")
		ports = append(ports, port)
	}
	return ports
}

// TestTwoApps: each request reaches an instance of its app, and no other one.
func TestTwoApps(t *testing.T) {
	t.Parallel()
	r := startTwo(t, twoApps)
	for _, c := range []struct{ host, path, app, has string }{
		{"a.test", "/echo", "web", `"target": "/echo"`},
		{"A.TEST:80", "/echo", "web", `"target": "/echo"`},
		{"x.b.test", "/api/echo", "web", ""},
		{"a.test", "/api/echo?x=y", "api", `"target": "/echo?x=y"`},
		{"a.test", "/api/echo", "api", `"x-forwarded-prefix": "/api"`},
		{"a.test", "/api", "api", ""},
		{"a.test", "/apis", "web", ""},
	} {
		code, body, port := ask(t, r, c.host, c.path)
		if !slices.Contains(portsOf(r, c.app), strings.TrimPrefix(port, ":")) || !strings.Contains(strings.ReplaceAll(body, `":"`, `": "`), c.has) {
			t.Errorf("%s%s: %d from the instance on %s %s, want one of %s with %s", c.host, c.path, code, port, body, c.app, c.has)
		}
	}
	if code, body, _ := ask(t, r, "c.test", "/"); code != http.StatusMisdirectedRequest || !strings.Contains(body, "no app has this host") {
		t.Errorf("an unknown host: %d %s", code, body)
	}
	for _, app := range []string{"web", "api"} {
		for _, want := range []string{"DYNLB_APP=" + app, "WHO=" + app} {
			if !strings.Contains(environ(t, r.PIDsOf(app)[0]), "\x00"+want+"\x00") {
				t.Errorf("the environment of %s lacks %s", app, want)
			}
		}
	}
}

// TestControlOfTwoApps: status, scaling, restarts, metrics and logs are by app.
func TestControlOfTwoApps(t *testing.T) {
	t.Parallel()
	r := startTwo(t, twoApps)
	web := r.PIDsOf("web")
	if _, err := r.Client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{}); status.Code(err) != codes.InvalidArgument ||
		!strings.Contains(err.Error(), "app is missing: there are api, web") {
		t.Errorf("GetStatus without an app: %v", err)
	}
	three, two := int32(3), int32(2)
	if _, err := r.Client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{App: "api", Target: &three}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("scale beyond the bounds of the app: %v", err)
	}
	if _, err := r.Client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{App: "api", Target: &two}); err != nil {
		t.Fatal(err)
	}
	r.AwaitReadyOf("api", 2)
	before := r.PIDsOf("api")
	restart, err := r.Client.RestartInstances(t.Context(), &dynlbv1.RestartInstancesRequest{App: "api"})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = restart.Recv()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("restart: %v", err)
	}
	r.AwaitReadyOf("api", 2)
	for _, pid := range r.PIDsOf("api") {
		if slices.Contains(before, pid) {
			t.Errorf("instance %d was not restarted", pid)
		}
	}
	if got := r.PIDsOf("web"); !slices.Equal(got, web) {
		t.Errorf("the instances of the other app are %v, want %v", got, web)
	}
	ports := append(portsOf(r, "web"), portsOf(r, "api")...)
	slices.Sort(ports)
	if len(slices.Compact(slices.Clone(ports))) != 3 {
		t.Errorf("ports %v, want three different ones", ports)
	}
	for query, total := range map[string]int{"": 3, "?app=api": 2, "?app=web": 1} {
		for _, base := range []string{r.URL, r.AdminURL} {
			if code, body := r.Get(base + "/lb-status" + query); code != http.StatusOK || !strings.HasPrefix(body, fmt.Sprintf(`{"total":%d,`, total)) {
				t.Errorf("%s/lb-status%s: %d %s, want %d instances", base, query, code, body, total)
			}
		}
	}
	if code, _ := r.Get(r.URL + "/lb-status?app=other"); code != http.StatusNotFound {
		t.Errorf("/lb-status of an unknown app: %d", code)
	}
	ask(t, r, "a.test", "/api")
	ask(t, r, "a.test", "/")
	for _, want := range []string{
		`dynlb_requests_total{app="api",code="200"} 1`, `dynlb_requests_total{app="web",code="200"} 1`,
		`dynlb_target_instances{app="api"} 2`, `dynlb_target_instances{app="web"} 1`, `dynlb_instances{app="api",state="ready"} 2`,
	} {
		daemontest.Eventually(t, "the metric "+want, func() bool {
			_, metrics := r.Get(r.AdminURL + "/metrics")
			return strings.Contains(metrics, want+"\n")
		})
	}
	for _, want := range []string{"app=web instance=", "app=api instance=", `msg=ScaleTo peer=`, "apps=\"api, web\""} {
		if !strings.Contains(r.Log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}

// TestCrashLoopOfOneApp: an app that cannot start takes nothing from the other one.
func TestCrashLoopOfOneApp(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\nmaxInstances: 1\napps:\n  web: {}\n  bad: {paths: [/bad], command: [sh, -c, 'echo broken >&2; exit 3']}\n")
	r.AwaitReadyOf("web", 1)
	before := r.PIDsOf("web")
	traffic := daemontest.StartLoad(t, 4, r.URL, "/")
	daemontest.Eventually(t, "the reason in the answer", func() bool {
		code, body := r.Get(r.URL + "/bad/x")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "exit status 3: broken")
	})
	daemontest.Eventually(t, "four failed starts", func() bool { return r.PoolOf("bad").GetRestarts() >= 3 })
	traffic.Stop()
	if got := r.PIDsOf("web"); !slices.Equal(got, before) || r.PoolOf("web").GetUnavailableReason() != "" || r.PoolOf("web").GetLastExit() != nil {
		t.Errorf("the other app: instances %v, want %v; %v", got, before, r.PoolOf("web"))
	}
}
