package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// TestLoadClient checks that mistakes in the rest of a file do not matter to a
// client, and that those in its own part are reported.
func TestLoadClient(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	in := func(name string) string { return filepath.Join(dir, name) }
	const standard = "127.0.0.1:4001"
	for _, test := range []struct {
		yaml string
		want Client
		err  string // after the name of the file
	}{
		{"", Client{Admin: standard}, ""},
		{"admin:\nauth:\n", Client{Admin: standard}, ""},
		{"location: gone.ts\nuser: no-such-user\nadmin: '[::1]:9'", Client{Admin: "[::1]:9"}, ""},
		{"minInstances: many\nqueue: 3\nwhat: ever\nadmin: box:9", Client{Admin: "box:9"}, ""},
		{"listen: :9\nlisten: :9\n<<: {a: b}\n? [a]\n: b\nadmin: :9", Client{Admin: ":9"}, ""},
		{"listen: :4100", Client{Admin: "127.0.0.1:4101"}, ""},
		{"listen: :4100\nadmin: :9", Client{Admin: ":9"}, ""},
		{"auth: {tokenFile: gone, tls: {key: sub/gone.pem}}", Client{Admin: standard, Auth: Auth{TokenFile: in("gone"), TLS: TLS{Key: in("sub/gone.pem")}}}, ""},
		{"auth: {tls: {cert: ./c.pem, key: /k.pem, clientCA: ca.pem}}", Client{Admin: standard, Auth: Auth{TLS: TLS{Cert: in("c.pem"), Key: "/k.pem", ClientCA: in("ca.pem")}}}, ""},
		{"x: 1\nadmin: here", Client{}, `:2: admin: must be host:port, such as ":4000" or "127.0.0.1:4000"; got "here"`},
		{"admin: :1\nadmin: :2", Client{}, ":2: admin: is already set on line 1; keep one of the two"},
		{"auth: {tokenFil: x}", Client{}, ":1: auth.tokenFil: unknown key; did you mean tokenFile?"},
		{"auth: {tls: [x]}", Client{}, ":1: auth.tls: must be a mapping with the keys cert, key, clientCA; got a list"},
		{"a: b: c", Client{}, ":1: is not YAML: mapping values are not allowed in this context"},
		{"- a", Client{}, `:1: must consist of lines "key: value"; got a list`},
	} {
		if err := os.WriteFile(file, []byte(test.yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := LoadClient(file)
		if test.err != "" {
			if lines := report(t, err); !slices.Equal(lines, []string{file + test.err}) {
				t.Errorf("%s\ngot  %v\nwant %s", test.yaml, err, test.err)
			}
			continue
		}
		test.want.Path = file
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v", test.yaml, got, err, test.want)
		}
	}
	if _, err := LoadClient(in("missing.yaml")); !slices.Equal(report(t, err), []string{in("missing.yaml") + ": cannot be read: no such file or directory"}) {
		t.Errorf("a named file that is missing: %v", err)
	}
}
