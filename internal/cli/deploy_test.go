package cli

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// versionApp is an app whose behaviour its folder decides on. Its responses name the version.
const versionApp = `
const version = process.env.DYNLB_VERSION;
let n = 0;
Bun.serve({
  hostname: "127.0.0.1",
  port: process.env.PORT,
  async fetch(request) {
    if (new URL(request.url).pathname === "/health") return new Response("ok");
    %s
    return new Response(version);
  },
});
`

// versions makes a folder with a folder for each version of the app, in which it does what
// is given.
func versions(t *testing.T, does map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, code := range does {
		folder := filepath.Join(dir, name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "app.ts"), fmt.Appendf(nil, versionApp, code), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// versionConfig returns a config that runs v1 of a folder of versions.
func versionConfig(t *testing.T, dir string) string {
	t.Helper()
	return fmt.Sprintf(`
location: %[1]s/v1/app.ts
workDir: %[1]s/v1
releases: %[1]s
command: [%[2]s, run, "{location}"]
minInstances: 2
maxInstances: 4
`, dir, daemontest.Bun(t))
}

// TestDeploy: versions replace each other under load, without a lost request, and the
// version in force is what responds.
func TestDeploy(t *testing.T) {
	t.Parallel()
	dir := versions(t, map[string]string{"v1": "", "v2": "", "v3": ""})
	r := daemontest.Start(t, versionConfig(t, dir))
	r.AwaitReady(2)
	traffic := daemontest.StartLoad(t, 4, r.URL, "/")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"deploy", "v2"}, "v2"},
		{[]string{"deploy", filepath.Join(dir, "v3")}, "v3"},
		{[]string{"rollback"}, "v2"},
		{[]string{"rollback"}, "v3"},
		{[]string{"deploy", "v1", "--canary", "20%", "--for", "2s", "--factor", "20"}, "v1"},
	} {
		code, stdout, stderr := cli(t, append(c.args, "--admin", r.Admin)...)
		if code != exitDone || !strings.HasSuffix(stdout, c.want+" has all requests, the other instances drain\n") {
			t.Fatalf("%v: %d %s%s", c.args, code, stdout, stderr)
		}
		if says := strings.Contains(stdout, " back to "+c.want+", which was in force before"); says != (c.args[0] == "rollback") {
			t.Errorf("%v: %s", c.args, stdout)
		}
		if code, body := r.Get(r.URL); code != http.StatusOK || body != c.want {
			t.Errorf("%v: %d from %q, want from %s", c.args, code, body, c.want)
		}
		if p := r.Pool(); p.GetVersion() != c.want {
			t.Errorf("%v: the status has %q", c.args, p.GetVersion())
		}
	}
	traffic.Stop()
	r.AwaitReady(2)
	_, stdout, _ := cli(t, "status", "--admin", r.Admin)
	for _, want := range []string{"version: v1, before: v3", "VERSION", "v1"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the status lacks %q:\n%s", want, stdout)
		}
	}
}

// TestDeployOfBadVersion: a version that does not start, or is worse, is not put in force,
// and the present one stays.
func TestDeployOfBadVersion(t *testing.T) {
	t.Parallel()
	dir := versions(t, map[string]string{
		"v1":     "await Bun.sleep(2);",
		"broken": "}",
		"fails":  `return new Response("no", {status: 500});`,
		"slow":   "await Bun.sleep(500);",
	})
	r := daemontest.Start(t, versionConfig(t, dir)+"queue: {timeout: 1m}\n")
	r.AwaitReady(2)
	stop := make(chan struct{})
	done := make(chan struct{})
	var failed atomic.Bool
	go func() { // ends with stop
		defer close(done)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				if code, _ := r.Get(r.URL); code == http.StatusInternalServerError {
					failed.Store(true)
				}
			}
		}
	}()
	canary := []string{"--canary", "50%", "--for", "1m", "--min-requests", "20"}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"deploy", "missing"}, "no such file"},
		{[]string{"deploy", "v1"}, "v1 runs already"},
		{[]string{"deploy", "broken"}, "did not become ready: exit status 1"},
		{append([]string{"deploy", "fails"}, canary...), "fails is worse: "},
		{append([]string{"deploy", "slow"}, canary...), "slow is worse: "},
		{[]string{"rollback"}, "there is no previous version"},
	} {
		code, stdout, stderr := cli(t, append(c.args, "--admin", r.Admin)...)
		if code == exitDone || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: %d %s%s, want %q", c.args, code, stdout, stderr, c.want)
		}
	}
	close(stop)
	<-done
	if !failed.Load() {
		t.Error("no client got the 500 of the canary")
	}
	r.AwaitReady(2)
	if code, body := r.Get(r.URL); code != http.StatusOK || body != "v1" {
		t.Errorf("%d from %q, want from v1", code, body)
	}
}

// TestRollbackOfCanary: a rollback ends a canary, whose command says so, and no request is
// lost.
func TestRollbackOfCanary(t *testing.T) {
	t.Parallel()
	dir := versions(t, map[string]string{"v1": "", "v2": ""})
	r := daemontest.Start(t, versionConfig(t, dir))
	r.AwaitReady(2)
	traffic := daemontest.StartLoad(t, 2, r.URL, "/")
	type result struct {
		code           int
		stdout, stderr string
	}
	deployed := make(chan result, 1)
	go func() { // ends with the deploy
		code, stdout, stderr := cli(t, "deploy", "v2", "--canary", "50%", "--for", "1h", "--factor", "100", "--admin", r.Admin)
		deployed <- result{code, stdout, stderr}
	}()
	daemontest.Eventually(t, "a canary", func() bool {
		return r.Pool().GetDeploy().GetPhase() == dynlbv1.DeployPhase_DEPLOY_PHASE_CANARY
	})
	_, table, _ := cli(t, "status", "--admin", r.Admin)
	for _, want := range []string{"deploy of v2: canary with 50 % of the requests for ", "v2 (new)"} {
		if !strings.Contains(table, want) {
			t.Errorf("the status lacks %q:\n%s", want, table)
		}
	}
	if code, _, stderr := cli(t, "restart", "--admin", r.Admin); code != exitFail || !strings.Contains(stderr, "a deploy is under way") {
		t.Errorf("restart during a deploy: %d %s", code, stderr)
	}
	n := int32(4)
	if _, err := r.Client.ScaleTo(context.Background(), &dynlbv1.ScaleToRequest{Target: &n}); err != nil {
		t.Errorf("scale during a deploy: %v", err)
	}
	code, stdout, stderr := cli(t, "rollback", "--admin", r.Admin)
	if code != exitDone || stdout != "the deploy of v2 has ended, v1 stays\n" {
		t.Errorf("rollback: %d %s%s", code, stdout, stderr)
	}
	if d := <-deployed; d.code != exitFail || !strings.Contains(d.stderr, "rolled back by an operator: Rollback from ") {
		t.Errorf("deploy: %+v", d)
	}
	traffic.Stop()
	r.AwaitReady(4)
}

// TestDeployFlags: mistakes in the command line end it before anything is done.
func TestDeployFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"deploy"},
		{"deploy", "a", "b"},
		{"deploy", "v2", "--for", "1m"},
		{"deploy", "v2", "--canary", "0%"},
		{"deploy", "v2", "--canary", "100%"},
		{"deploy", "v2", "--canary", "ten"},
		{"rollback", "a", "b"},
	} {
		if code, _, stderr := cli(t, args...); code != exitUsage {
			t.Errorf("%v: %d %s", args, code, stderr)
		}
	}
	for flag, want := range map[string]string{
		"--for":          "--for 0 is outside [1s, 24h0m0s]",
		"--factor":       "--factor 0 is outside [1, 100]",
		"--min-requests": "--min-requests 0 is outside [1, 1000000]",
	} {
		if code, _, stderr := cli(t, "deploy", "v2", "--canary", "20%", flag, "0"); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s 0: %d %s, want %q", flag, code, stderr, want)
		}
	}
	if code, _, stderr := cli(t, "deploy", "./config.yaml"); code != exitUsage || !strings.Contains(stderr, "./config.yaml is a config and no version of an app: 'dynlb reload'") {
		t.Errorf("deploy of a config: %d %s", code, stderr)
	}
	if code, _, stderr := cli(t, "deploy", ""); code != exitUsage || !strings.Contains(stderr, "such as: dynlb deploy ./v2") {
		t.Errorf("deploy of an empty name: %d %s", code, stderr)
	}
	for version, want := range map[string]bool{
		"registry.example.com/web:v2": false, "web": false, "v2": false,
		"./v2": true, "/srv/v2": true, "..": true, "testdata/missing": false, "testdata/simulate.txt": true, "../cli": true,
	} {
		if got := isPath(version); got != want {
			t.Errorf("%s is a path: %t", version, got)
		}
	}
	for text, want := range map[string]float64{"10%": 0.1, "0.5%": 0.005, "0.25": 0.25} {
		if got, err := parseShare(text); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
}
