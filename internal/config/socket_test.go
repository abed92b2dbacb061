package config

import (
	"slices"
	"testing"
)

// TestSockets: instances listen on sockets if the key says so, or if the app is given
// the path of one.
func TestSockets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		yaml   string
		socket bool
	}{
		{"command: [app]", false},
		{"command: [app]\nsocket: true", true},
		{"command: [app, '--listen=unix:{socket}']", true},
		{"command: [app]\nenv: {LISTEN: 'unix:{socket}'}", true},
		{"command: [app, '{socket}']\nsocket: true", true},
		{"socket: true", true},
		{"apps: {a: {socket: true}}", true},
		{"socket: true\napps: {a: {command: [app]}}", true},
		{"socket: true\napps: {a: {command: [app], socket: false}}", false},
		{"env: {A: '{socket}'}\napps: {a: {}}", true},
	} {
		c, err := parseText(test.yaml)
		if err != nil || c.AllApps()[0].Socket != test.socket {
			t.Errorf("%q: %v, %v; want socket %v", test.yaml, c.AllApps(), err, test.socket)
		}
	}
	for yaml, want := range map[string]string{
		"command: [app, '{socket}']\nsocket: false":           "config.yaml:2: socket: must be true, or left out; command uses {socket}",
		"env: {A: '{socket}'}\nsocket: false":                 "config.yaml:2: socket: must be true, or left out; env uses {socket}",
		"socket: true\napps: {a: {command: [app, '{port}']}}": "config.yaml:2: apps.a.command: uses {port}, but instances listen on a Unix socket; write {socket}",
		"command: [app, '{port}']\nsocket: true":              "config.yaml:1: command: uses {port}, but instances listen on a Unix socket; write {socket}",
		"command: [app, '{port}', '{socket}']":                "config.yaml:1: command: uses {port}, but instances listen on a Unix socket; write {socket}",
		"command: [app]\nenv: {DYNLB_SOCKET: /tmp/a.sock}":    "config.yaml:2: env.DYNLB_SOCKET: is set by dynlb, to the path of the instance's socket; remove it",
	} {
		if _, err := parseText(yaml); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", yaml, err, want)
		}
	}
}

// parseText returns the config of a text without files.
func parseText(yaml string) (Config, error) { return Parse("config.yaml", []byte(yaml), "/", nil) }

func TestSocketArgv(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		config App
		want   []string
	}{
		{App{}, nil},
		{App{Location: "/srv/{socket}"}, []string{"bun", "run", "/srv/{socket}"}},
		{App{Command: []string{"gunicorn", "--bind", "unix:{socket}"}}, []string{"gunicorn", "--bind", "unix:/run/s"}},
	} {
		if got := test.config.SocketArgv("/run/s"); !slices.Equal(got, test.want) {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
