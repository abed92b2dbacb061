package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestSeveralApps: the commands show and change the app that they name; without a name,
// status shows all, and the others say which there are.
func TestSeveralApps(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\napps: {web: {}, api: {paths: [/api]}}\n")
	r.AwaitReadyOf("web", 1)
	r.AwaitReadyOf("api", 1)
	for _, c := range []struct {
		args   string
		code   int
		has    []string
		hasNot string
	}{
		{"status", exitDone, []string{"app api:\n1 ready of 1 wanted", "\napp web:\n1 ready of 1 wanted"}, ""},
		{"status api", exitDone, []string{"1 ready of 1 wanted"}, "app "},
		{"status --app api", exitDone, []string{"1 ready of 1 wanted"}, "app "},
		{"status -o json", exitDone, []string{`{"total":2,"healthy":2,`}, ""},
		{"status web -o json", exitDone, []string{`{"total":1,"healthy":1,`}, ""},
		{"status -o full", exitDone, []string{`"app":"api"`, "}\n{", `"app":"web"`}, ""},
		{"status other", exitUsage, []string{`there is no app "other", only api, web`}, ""},
		{"status api web", exitUsage, []string{"status takes one app"}, ""},
		{"status api --app web", exitUsage, []string{"APP and --app mean the same"}, ""},
		{"scale 2", exitUsage, []string{"app is missing: there are api, web"}, ""},
		{"scale api=x", exitUsage, []string{`"x" is not a number of instances`}, ""},
		{"scale other=2", exitUsage, []string{`there is no app "other", only api, web`}, ""},
		{"scale api=2 --wait", exitDone, []string{"target 1 -> 2"}, ""},
		{"scale 1 --app api", exitDone, []string{"target 2 -> 1"}, ""},
		{"restart", exitUsage, []string{"app is missing: there are api, web"}, ""},
		{"restart web", exitDone, []string{"1 of 1 instances replaced"}, ""},
		{"watch", exitUsage, []string{"app is missing: there are api, web"}, ""},
		{"record --for 1s", exitUsage, []string{"app is missing: there are api, web"}, ""},
		{"record --for 1s --app api", exitDone, []string{"\n"}, ""},
	} {
		args := append(strings.Fields(c.args), "--admin", r.Admin)
		code, stdout, stderr := cli(t, args...)
		for _, has := range c.has {
			if !strings.Contains(stdout+stderr, has) {
				t.Errorf("%s: lacks %q:\n%s%s", c.args, has, stdout, stderr)
			}
		}
		if code != c.code || c.hasNot != "" && strings.Contains(stdout, c.hasNot) {
			t.Errorf("%s: exit code %d, want %d:\n%s%s", c.args, code, c.code, stdout, stderr)
		}
	}
	if got := len(r.PoolOf("web").GetInstances()); got != 1 {
		t.Errorf("%d instances of the other app", got)
	}
}

// TestStatusOfAnAppThatIsNotReady: the exit code and the error say so.
func TestStatusOfAnAppThatIsNotReady(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\napps: {web: {}, idle: {paths: [/idle], minInstances: 0}}\n")
	r.AwaitReadyOf("web", 1)
	for args, want := range map[string]string{"status": "dynlb: app idle: no instance is ready\n", "status idle": "dynlb: no instance is ready\n", "status web": ""} {
		code, _, stderr := cli(t, append(strings.Fields(args), "--admin", r.Admin)...)
		if stderr != want || (code == exitEmpty) != (want != "") {
			t.Errorf("%s: exit code %d, %q, want %q", args, code, stderr, want)
		}
	}
}

// TestCheckOfSeveralApps: check prints each app, and a warning once or with its app;
// simulate needs one.
func TestCheckOfSeveralApps(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.yaml")
	yaml := `checkInterval: 5
minInstances: 1
apps:
  web: {hosts: [a.test, "*.b.test"], healthTimeout: 3}
  api: {hosts: [a.test], paths: [/api], strip: true, command: [/bin/true, "{port}"], basePort: 6000}
  rest:
`
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := cli(t, "check", file)
	want := file + ` is valid: 3 apps, on :4000
app web: 1 to 8 instances of the built-in demo backend, for a.test, *.b.test
app api: 1 to 8 instances of /bin/true 6000, for a.test below /api, which is stripped
app rest: 1 to 8 instances of the built-in demo backend, for any host
`
	if code != exitDone || stdout != want {
		t.Errorf("exit code %d,\n%s\nwant\n%s", code, stdout, want)
	}
	if want := "warning: checkInterval: is 5ms; if seconds are meant, write 5s\nwarning: apps.web.healthTimeout: is 3ms; if seconds are meant, write 3s\n"; stderr != want {
		t.Errorf("warnings\n%s\nwant\n%s", stderr, want)
	}
	if code, _, stderr := cli(t, "simulate", "-c", file, "--rates", "1x1s"); code != exitUsage || !strings.Contains(stderr, "there are several apps; give --app web, api or rest") {
		t.Errorf("simulate: exit code %d, %s", code, stderr)
	}
	if code, _, stderr := cli(t, "simulate", "-c", file, "--rates", "1x1s", "--app", "web"); code != exitDone {
		t.Errorf("simulate of one: exit code %d, %s", code, stderr)
	}
}
