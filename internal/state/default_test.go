package state

import (
	"strings"
	"testing"
)

func TestDefault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ env, config, want string }{
		{"STATE_DIRECTORY=/var/lib/dynlb HOME=/root", "/etc/a/config.yaml", "/var/lib/dynlb"},
		{"STATE_DIRECTORY=/var/lib/a:/var/lib/b", "/etc/a/config.yaml", "/var/lib/a"},
		{"XDG_STATE_HOME=/state HOME=/root", "/srv/shop/config.yaml", "/state/dynlb/shop-"},
		{"XDG_STATE_HOME=state HOME=/root", "/srv/shop/config.yaml", "/root/.local/state/dynlb/shop-"},
		{"HOME=/root", "/srv/a shop/config.yaml", "/root/.local/state/dynlb/a-shop-"},
	} {
		got, err := Default(environment(c.env), c.config)
		if err != nil || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, %v; want %q", c.env, got, err, c.want)
		}
	}
	if got, err := Default(environment(""), "/etc/config.yaml"); err == nil {
		t.Errorf("without an environment: %q, want an error", got)
	}
}

// TestDefaultsDiffer: each config file has a folder of its own, also one that several
// dynlb use with different values of PORT.
func TestDefaultsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, c := range []struct{ env, config string }{
		{"HOME=/root", "/srv/shop/config.yaml"},
		{"HOME=/root", "/srv/shop/other.yaml"},
		{"HOME=/root", "/opt/shop/config.yaml"},
		{"HOME=/root PORT=4010", "/srv/shop/config.yaml"},
		{"HOME=/root PORT=4020", "/srv/shop/config.yaml"},
	} {
		got, err := Default(environment(c.env), c.config)
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := seen[got]; taken {
			t.Errorf("%s %s and %s have the same folder", c.env, c.config, other)
		}
		seen[got] = c.env + " " + c.config
	}
}

// environment returns a getenv of "NAME=value NAME=value".
func environment(pairs string) func(string) string {
	return func(name string) string {
		for pair := range strings.FieldsSeq(pairs) {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value
			}
		}
		return ""
	}
}
