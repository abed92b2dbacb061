package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// releases returns an app whose version v1 is configured, in a folder with v1, v2, the link
// current to v2, the file single.ts, and broken, which has no app.ts.
func releases(t *testing.T) (a App, dir string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"v1", "v2", "broken"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"v1/app.ts", "v2/app.ts", "single.ts", "v 3"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("v2", filepath.Join(dir, "current")); err != nil {
		t.Fatal(err)
	}
	c, err := Parse("config.yaml", []byte("location: v1/app.ts\nworkDir: v1\nreleases: .\n"), dir, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return c.App, dir
}

func TestFindVersion(t *testing.T) {
	t.Parallel()
	a, dir := releases(t)
	labelled := a
	labelled.Releases, labelled.Version, labelled.Command = "", "1.0", []string{"run", "app:{version}"}
	bare := a
	bare.Releases = ""
	for _, c := range []struct {
		app         App
		name        string
		label, path string
		err         string
	}{
		{a, "v2", "v2", "v2", ""},
		{a, filepath.Join(dir, "v2"), "v2", "v2", ""},
		{a, "current", "v2", "v2", ""},
		{a, "v1", "", "", ""},
		{a, filepath.Join(dir, "v1"), "", "", ""},
		{a, filepath.Join(dir, "single.ts"), "single.ts", "single.ts", ""},
		{a, "v3", "", "", "no such file"},
		{a, "broken", "", "", "app.ts: no such file"},
		{a, "./v2", "", "", "not an absolute path"},
		{a, "..", "", "", "no version"},
		{a, "", "", "", "no version"},
		{a, filepath.Join(dir, "v 3"), "", "", "the name of"},
		{labelled, "2.0", "2.0", "", ""},
		{labelled, "1.0", "", "", ""},
		{bare, "v2", "", "", "to deploy a folder, write its path, such as ./releases/v2"},
	} {
		want := c.path
		if want != "" {
			want = filepath.Join(dir, want)
		}
		label, path, err := c.app.FindVersion(c.name)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: error %v, want %q", c.name, err, c.err)
			}
			continue
		}
		if label != c.label || path != want || err != nil {
			t.Errorf("%q is %q at %q (%v), want %q at %q", c.name, label, path, err, c.label, want)
		}
	}
}

// TestMissingVersion: the error names the folder that was searched, and versions in it.
func TestMissingVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := App{Releases: dir, WorkDir: filepath.Join(dir, "v1")}
	fails := func(want string) {
		t.Helper()
		if _, _, err := a.FindVersion("v9"); err == nil || err.Error() != "find version v9: no such file or directory in "+dir+", which has "+want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	fails("no version")
	for i, want := range []string{"v1", "v2, v1", "v3, v2, v1", "v4, v3, v2, v1", "v5, v4, v3, v2, v1", "v6, v5, v4, v3, v2 and 1 more"} {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprintf("v%d", i+1)), 0o700); err != nil {
			t.Fatal(err)
		}
		fails(want)
	}
	if _, _, err := a.FindVersion(filepath.Join(dir, "v9")); err == nil || strings.Contains(err.Error(), "which has") {
		t.Errorf("a path: %v", err)
	}
}

// TestAt: the folder of a version takes the place of workDir, and the location is in it.
func TestAt(t *testing.T) {
	t.Parallel()
	a, dir := releases(t)
	a.Env = map[string]string{"RELEASE": "app-{version}"}
	for _, c := range []struct {
		label, path                 string
		workDir, location, variable string
	}{
		{"", "", "v1", "v1/app.ts", "app-v1"},
		{"v2", "v2", "v2", "v2/app.ts", "app-v2"},
		{"single.ts", "single.ts", "v1", "single.ts", "app-single.ts"},
		{"2.0", "", "v1", "v1/app.ts", "app-2.0"},
	} {
		path := c.path
		if path != "" {
			path = filepath.Join(dir, path)
		}
		at, err := a.At(c.label, path)
		if err != nil {
			t.Fatal(err)
		}
		if at.WorkDir != filepath.Join(dir, c.workDir) || at.Location != filepath.Join(dir, c.location) || at.Variables()["RELEASE"] != c.variable {
			t.Errorf("%q at %q: workDir %q, location %q, variables %v", c.label, c.path, at.WorkDir, at.Location, at.Variables())
		}
	}
	a.Command = []string{"./run", "{location}", "{version}", "{port}"}
	at, err := a.At("v2", filepath.Join(dir, "v2"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := at.Argv(1), []string{dir + "/v2/run", dir + "/v2/app.ts", "v2", "1"}; !reflect.DeepEqual(got, want) {
		t.Errorf("argv %q, want %q", got, want)
	}
}

// TestAtFails: a version that cannot run is refused, with what is wrong.
func TestAtFails(t *testing.T) {
	t.Parallel()
	a, dir := releases(t)
	outside := a
	outside.Location = filepath.Join(dir, "single.ts")
	demo := App{WorkDir: dir}
	onlyCommand := App{WorkDir: dir, Command: []string{"./run"}}
	for _, c := range []struct {
		app  App
		path string
		want string
	}{
		{a, "missing", "no such file"},
		{a, "broken", "no such file"},
		{outside, "v2", "is not in workDir"},
		{demo, "v2", "nothing to deploy"},
		{onlyCommand, "single.ts", "give a folder"},
	} {
		if _, err := c.app.At("x", filepath.Join(dir, c.path)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.path, err, c.want)
		}
	}
}
