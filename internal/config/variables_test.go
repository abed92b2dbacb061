package config

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// environmentOf returns a getenv.
func environmentOf(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

// TestVariables: variables stand in values of all kinds, and are what YAML makes of them.
func TestVariables(t *testing.T) {
	t.Parallel()
	dir := folderWithApp(t)
	writeFile(t, dir, "own.env", "FROM_FILE=file\nBOTH=file\nNULL=null\n", 0o600)
	getenv := environmentOf(map[string]string{"MIN": "3", "BOTH": "environment", "TOKEN": "pa$$w${x}", "FLAG": "false", "HOST": "127.0.0.1", "FILE": "own.env", "TRUE": "true"})
	c, err := Parse("config.yaml", []byte(`
env: {A: "${TOKEN}", B: "${BOTH}-${FROM_FILE}", C: "$HOME $$ $${X} ${UNSET:-}", D: "${UNSET:-a b:c}"}
minInstances: ${MIN}
maxInstances: ${MAX:-5}
verifyPort: ${FLAG}
idleTimeout: ${IDLE:-7}s
listen: ${HOST}:4100
envFile: ${FILE}
command: [run, "${NULL}", "--host=${HOST}", "${TRUE}", "{port}"]
trustedProxies: ["${HOST}"]
`), dir, getenv)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"A": "pa$$w${x}", "B": "file-file", "C": "$HOME $$ ${X} ", "D": "a b:c"}
	if !maps.Equal(c.Env, want) {
		t.Errorf("env is %q, want %q", c.Env, want)
	}
	if c.MinInstances != 3 || c.MaxInstances != 5 || c.VerifyPort || c.IdleTimeout.Seconds() != 7 || c.Listen != "127.0.0.1:4100" {
		t.Errorf("%d to %d instances, verifyPort %v, idleTimeout %v, listen %s", c.MinInstances, c.MaxInstances, c.VerifyPort, c.IdleTimeout, c.Listen)
	}
	if got := c.Argv(1); !slices.Equal(got, []string{"run", "null", "--host=127.0.0.1", "true", "1"}) {
		t.Errorf("command %q", got)
	}
	if got := c.Shown(1); !slices.Equal(got, []string{"run", "${NULL}", "--host=${HOST}", "${TRUE}", "1"}) {
		t.Errorf("the command is shown as %q", got)
	}
	if c.FileEnv["FROM_FILE"] != "file" {
		t.Errorf("the variables of envFile are %q", c.FileEnv)
	}
	slices.Sort(c.Inherited)
	if want := []string{"FILE", "FLAG", "HOST", "MIN", "TOKEN", "TRUE"}; !slices.Equal(c.Inherited, want) {
		t.Errorf("from the environment are %q, want %q", c.Inherited, want)
	}
}

// TestEnvFileIsReadOnce: one content of envFile is in force for all keys. Its path is what
// the variables make of it that are known before it is read: for an app, those of the file
// beside apps, too.
func TestEnvFileIsReadOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, dir, "first.env", "FILE=second.env\nNAME=first\n", 0o600)
	writeFile(t, dir, "second.env", "NAME=second\n", 0o600)
	c, err := Parse("config.yaml", []byte(`
envFile: ${FILE:-first.env}
env: {NAME: "${NAME}"}
apps:
  a: {hosts: [a.example.com], envFile: "${FILE:-first.env}"}
`), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for want, a := range map[string]App{"first": c.App, "second": c.Apps[0]} {
		if filepath.Base(a.EnvFile) != want+".env" || a.FileEnv["NAME"] != want {
			t.Errorf("envFile is %s, and has %q, want the %s one", a.EnvFile, a.FileEnv, want)
		}
	}
	if c.Env["NAME"] != "first" {
		t.Errorf("env is %q", c.Env)
	}
}

// TestVariablesOfApps: an app has the variables of its own envFile, or else of that beside
// apps; an anchor is what the app that uses it makes of it.
func TestVariablesOfApps(t *testing.T) {
	t.Parallel()
	dir := folderWithApp(t)
	writeFile(t, dir, "a.env", "NAME=a\n", 0o600)
	c, err := Parse("config.yaml", []byte(`
envFile: .env
apps:
  a: {hosts: [a.example.com], envFile: a.env, env: &env {NAME: "${NAME:-none}", TOKEN: "${TOKEN:-none}"}}
  b: {hosts: [b.example.com], env: *env}
  c: {hosts: [c.example.com], env: *env, envFile: ""}
`), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"a none a", "none top-secret top-secret", "none none "} {
		a := c.Apps[i]
		if got := a.Env["NAME"] + " " + a.Env["TOKEN"] + " " + a.FileEnv["NAME"] + a.FileEnv["TOKEN"]; got != want {
			t.Errorf("app %s has %q, want %q", a.Name, got, want)
		}
	}
}

// TestVariableProblems: each mistake is reported with its line and key, without a value.
func TestVariableProblems(t *testing.T) {
	t.Parallel()
	dir := folderWithApp(t)
	writeFile(t, dir, "bad.env", "A=1\nB=\"hunter2\n", 0o600)
	getenv := environmentOf(map[string]string{"SECRET": "hunter2hunter2", "DIR": "/nonexistent/hunter2"})
	for yaml, want := range map[string]string{
		"env:\n  DB: ${DB}\n":                       "config.yaml:2: env.DB: needs the variable DB, which is not set or empty; set it in envFile or in the environment of dynlb, or write ${DB:-default}",
		"command:\n- run\n- ${A}\n- ${B}\n":         "config.yaml:3: command[1]: needs the variable A, which is not set or empty; set it in envFile or in the environment of dynlb, or write ${A:-default}\nconfig.yaml:4: command[2]: needs the variable B, which is not set or empty; set it in envFile or in the environment of dynlb, or write ${B:-default}",
		"minInstances: ${SECRET}":                   "config.yaml:1: minInstances: must be a whole number from 0 to 65535; got what \"${SECRET}\" stands for",
		"location: ${DIR}/app.ts":                   "config.yaml:1: location: must exist, as seen from the config file's folder; ${DIR}/app.ts: no such file or directory",
		"env: {A: \"${B-c}\"}":                      "config.yaml:1: env.A: must have ${NAME} or ${NAME:-default} after $; for a ${ of its own, such as for a shell, write $${",
		"command: [run, \"${port}\"]":               "config.yaml:1: command[1]: ${port} is not a placeholder; write {port}",
		"command: [sh, -c, \"x ${PORT}\"]":          "config.yaml:1: command[2]: needs PORT, which is not set; for the port of an instance write {port}, and for a shell that an instance runs $${PORT}",
		"envFile: bad.env":                          "config.yaml:1: envFile: " + dir + "/bad.env: line 2: the quote of the value of B is not closed",
		"envFile: none.env":                         "config.yaml:1: envFile: must exist, as seen from the config file's folder; " + dir + "/none.env: no such file or directory",
		"limits:\n  header: ${SECRET}\n":            "config.yaml:2: limits.header: must be a number of bytes, such as 8192, or a size, such as 8KiB; got what \"${SECRET}\" stands for",
		"apps: {a: {hosts: [\"${SECRET}:x y\"]}}\n": "config.yaml:1: apps.a.hosts[0]: must be a host, such as a.example.com, or *.example.com; names with other letters in their xn-- form; got what \"${SECRET}:x y\" stands for",
	} {
		_, err := Parse("config.yaml", []byte(yaml), dir, getenv)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s\ngot  %v\nwant %s", yaml, err, want)
		}
	}
}

// TestNestedSecrets: a value is hidden as a whole also if it contains that of another variable.
func TestNestedSecrets(t *testing.T) {
	t.Parallel()
	getenv := environmentOf(map[string]string{"BASE": "/nonexistent", "DIR": "/nonexistent/hunter2", "NAME": "hunter2"})
	for range 20 { // an order by chance is right now and then
		_, err := Parse("config.yaml", []byte("env: {A: \"${BASE}${NAME}\"}\nlocation: ${DIR}/app.ts\n"), t.TempDir(), getenv)
		if err == nil || !strings.Contains(err.Error(), "; ${DIR}/app.ts: no such file") {
			t.Fatalf("got %v", err)
		}
	}
}

// TestAliasBomb: a small text with aliases of aliases costs no more than it is long.
func TestAliasBomb(t *testing.T) {
	t.Parallel()
	text := "env:\n  A0: &a0 [\"${X:-x}\"]\n"
	for i := range 60 {
		text += strings.NewReplacer("N", string(rune('0'+i/10))+string(rune('0'+i%10)), "P", previous(i)).Replace("  BN: &bN [*P, *P, *P]\n")
	}
	if _, err := Parse("config.yaml", []byte(text), t.TempDir(), nil); err == nil {
		t.Error("lists were accepted for variables")
	}
}

func previous(i int) string {
	if i == 0 {
		return "a0"
	}
	i--
	return "b" + string(rune('0'+i/10)) + string(rune('0'+i%10))
}

// TestClientVariables: a client finds the address of a config with variables, also if it
// may not know those that it does not need.
func TestClientVariables(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "config.yaml", "listen: 127.0.0.1:${DYNLB_TEST_PORT}\nenv: {A: \"${UNSET}\"}\nenvFile: none.env\n", 0o600)
	t.Setenv("DYNLB_TEST_PORT", "4100")
	c, err := LoadClient(dir + "/config.yaml")
	if err != nil || c.Admin != "127.0.0.1:4101" {
		t.Errorf("admin is %q, %v", c.Admin, err)
	}
}
