package config

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestApps: an app has its own values, and those beside apps where it has none.
func TestApps(t *testing.T) {
	t.Parallel()
	dir := folderWithApp(t)
	got, err := Parse("config.yaml", []byte(`
apps:
  web:
    location: app.ts
    hosts: [A.Example.com, "*.b.example.com", "::1", "[::2]", 10.0.0.1, localhost]
    maxInstances: 3
    env: {A: own, B: web}
    queue: {limit: 5}
  api: {command: [./server], hosts: [a.example.com], paths: [/api/, /v2], strip: true, basePort: 6000}
  rest:
minInstances: 1
queue: {timeout: 3s}
env: {A: shared, C: "3"}
schedule: [{cron: "0 8 * * *", minInstances: 2}]
listen: :4100
`), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	shared := defaultIn(dir).App
	shared.MinInstances, shared.Queue.Timeout, shared.Env, shared.BasePort = 1, 3*time.Second, map[string]string{"A": "shared", "C": "3"}, 5101
	web, api, rest := shared, shared, shared
	web.Name, web.Location, web.MaxInstances, web.Queue.Limit = "web", filepath.Join(dir, "app.ts"), 3, 5
	web.Hosts = []string{"a.example.com", "*.b.example.com", "[::1]", "[::2]", "10.0.0.1", "localhost"}
	web.Env = map[string]string{"A": "own", "B": "web", "C": "3"}
	api.Name, api.Command, api.Hosts, api.Paths, api.Strip, api.BasePort = "api", []string{"./server"}, []string{"a.example.com"}, []string{"/api", "/v2"}, true, 6000
	rest.Name = "rest"
	for i, want := range []App{web, api, rest} {
		app := got.Apps[i]
		if s := app.Schedule; len(s) != 1 || s[0].Min != 2 || s[0].Max != want.MaxInstances {
			t.Errorf("%s: schedule %+v, want the bounds of the app", want.Name, s)
		}
		app.Schedule = nil
		if !reflect.DeepEqual(app, want) {
			t.Errorf("got  %+v\nwant %+v", app, want)
		}
	}
	if !reflect.DeepEqual(got.AllApps(), got.Apps) {
		t.Errorf("all apps are %+v", got.AllApps())
	}
	if argv := got.Apps[1].Argv(1); argv[0] != filepath.Join(dir, "server") {
		t.Errorf("the program is %q", argv)
	}
}

// TestOneApp: without apps there is one, called default.
func TestOneApp(t *testing.T) {
	t.Parallel()
	c := defaultIn(t.TempDir())
	want := c.App
	want.Name = DefaultApp
	if got := c.AllApps(); !reflect.DeepEqual(got, []App{want}) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestAppProblems: each mistake is reported at its line, with what would be right.
func TestAppProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, yaml string
		want       []string
	}{
		{"none", "apps: {}", []string{"1: apps: must be a mapping of names to apps, such as {web: {hosts: [a.example.com]}}; without several apps leave it out; got an empty mapping"}},
		{"a list", "apps: [web]", []string{"1: apps: must be a mapping of names to apps, such as {web: {hosts: [a.example.com]}}; without several apps leave it out; got a list"}},
		{"no label", "apps: {Web: {}, my_app: {}, -a: {}}", []string{
			"1: apps.Web: must be a name of lower-case letters, digits and hyphens, such as web, of 63 at most",
			"1: apps.my_app: must be a name of lower-case letters, digits and hyphens, such as web, of 63 at most",
			"1: apps.-a: must be a name of lower-case letters, digits and hyphens, such as web, of 63 at most",
		}},
		{"twice", "apps:\n  web: {hosts: [a]}\n  web: {}", []string{"3: apps.web: is already set on line 2; keep one of the two"}},
		{"a key of dynlb", "apps:\n  web:\n    listen: :80\n    auth: {}\n    limits:", []string{
			"3: apps.web.listen: belongs beside apps: it is one for all of them",
			"4: apps.web.auth: belongs beside apps: it is one for all of them",
			"5: apps.web.limits: belongs beside apps: it is one for all of them",
		}},
		{"apps in an app", "apps: {web: {apps: {}}}", []string{"1: apps.web.apps: belongs beside apps: it is one for all of them"}},
		{"unknown", "apps: {web: {minInstance: 1, queue: {listen: 1}}}", []string{
			"1: apps.web.minInstance: unknown key; did you mean minInstances?",
			"1: apps.web.queue.listen: unknown key; the keys are limit, timeout",
		}},
		{"beside apps", "hosts: [a]", []string{"1: hosts: belongs to an app: write it under apps, such as apps: {web: {hosts: ...}}"}},
		{"the wrong form", "apps: {web: 3}", []string{"1: apps.web: must be a mapping with the keys " + names(appTable(&Config{})) + "; got 3"}},
		{"hosts", "apps: {web: {hosts: [a:80, '*', 'a.*', bücher.example, https://a, '']}}", []string{
			"1: apps.web.hosts[0]: must be a host without a port; write a; got \"a:80\"",
			`1: apps.web.hosts[1]: must be a host; an app for all hosts has no hosts; got "*"`,
			`1: apps.web.hosts[2]: must be a host, such as a.example.com, or *.example.com; names with other letters in their xn-- form; got "a.*"`,
			`1: apps.web.hosts[3]: must be a host, such as a.example.com, or *.example.com; names with other letters in their xn-- form; got "bücher.example"`,
			"1: apps.web.hosts[4]: must be a host, such as a.example.com, or *.example.com; names with other letters in their xn-- form; got \"https://a\"",
			`1: apps.web.hosts[5]: must be a host; an app for all hosts has no hosts; got ""`,
		}},
		{"a host without a list", "apps: {web: {hosts: a.example.com}}", []string{`1: apps.web.hosts: must be a list of hosts, such as [a.example.com, "*.example.com"]; write [a.example.com]; got "a.example.com"`}},
		{"an asterisk without quotes", "apps:\n  web: {hosts: [*.b.example.com]}", []string{`2: is not YAML: did not find expected alphabetic or numeric character; a text that begins with * or & needs quotes, such as "*.example.com"`}},
		{"paths", "apps: {web: {paths: [api, '/a?b', '/a/*', 3]}}", []string{
			`1: apps.web.paths[0]: must be a path that starts with "/", in URL form and without a query, such as /api; got "api"`,
			`1: apps.web.paths[1]: must be a path that starts with "/", in URL form and without a query, such as /api; got "/a?b"`,
			`1: apps.web.paths[2]: must be a prefix, without *: /api is that of /api/users too; got "/a/*"`,
			"1: apps.web.paths[3]: must be a string; got 3",
		}},
		{"strip alone", "apps: {web: {strip: true}}", []string{"1: apps.web.strip: needs paths: there is no prefix to take away"}},
		{"the same host and path", "apps:\n  web:\n    hosts: [b, a]\n    paths: [/x, /api/]\n  api:\n    hosts: [A]\n    paths: [/api]", []string{
			"7: apps.api.paths: has the host a and the path /api; apps.web on line 2 has them too",
		}},
		{"all hosts", "apps:\n  web:\n  api: {}", []string{"3: apps.api: has every host and the path /; apps.web on line 2 has them too"}},
		{"twice in one", "apps: {web: {hosts: [a, A]}}", []string{"1: apps.web.hosts: has the host a and the path / twice"}},
		{"bounds of both", "minInstances: 9\napps:\n  web: {hosts: [a]}\n  api: {hosts: [b], maxInstances: 3}\n  big: {hosts: [c], maxInstances: 30}", []string{
			"1: minInstances: must be at most maxInstances (8, the default); got 9",
			"4: apps.api.maxInstances: must be at least minInstances (9); got 3",
		}},
		{"location of none", "apps:\n  web: {hosts: [a], location: app.ts}\n  api: {hosts: [b]}\ncommand: [run, '{location}']", []string{"4: command: uses {location}; set location too, or write the path itself"}},
		{"schedule", "apps: {web: {maxInstances: 3}}\nschedule: [{cron: '0 8 * * *', minInstances: 6}]", []string{"2: schedule[0]: minInstances must be at most maxInstances; got 6 and 3"}},
		{"ports of an app", "apps: {web: {basePort: 65530}}", []string{"1: apps.web.basePort: basePort + maxInstances must be at most 65536; got 65530 + 8"}},
		{"ports of all", "basePort: 65525\napps: {web: {hosts: [a]}, api: {hosts: [b], basePort: 65526}}", []string{"1: basePort: the apps with a basePort of 65525 or more have 16 instances at most, and only 11 ports"}},
		{"env", "apps: {web: {env: {DYNLB_APP: x}}}", []string{"1: apps.web.env.DYNLB_APP: is set by dynlb, to the name of the app; remove it"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("config.yaml", []byte(c.yaml), folderWithApp(t), nil)
			for i := range c.want {
				c.want[i] = "config.yaml:" + c.want[i]
			}
			if got := report(t, err); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}
