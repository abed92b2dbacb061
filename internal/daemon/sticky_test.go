package daemon

import (
	"testing"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/sibling"
)

// TestSessionKey: siblings with one token have one key. Without siblings, or a token, it is that
// of this dynlb.
func TestSessionKey(t *testing.T) {
	t.Parallel()
	on := func(own byte, token string) host {
		h := host{sessionKey: [32]byte{own}}
		if token != "" {
			h.access = sibling.Access{Token: func() string { return token }}
		}
		return h
	}
	var alone, together config.App
	together.Kubernetes.Siblings = "dynlb-siblings"
	for _, c := range []struct {
		app  config.App
		a, b host
		want bool
	}{
		{together, on(1, "token"), on(2, "token"), true},
		{together, on(1, "token"), on(1, "other"), false},
		{together, on(1, ""), on(2, ""), false},
		{alone, on(1, "token"), on(2, "token"), false},
		{alone, on(1, "token"), on(1, "token"), true},
	} {
		if got := sessionKey(&c.app, c.a) == sessionKey(&c.app, c.b); got != c.want {
			t.Errorf("siblings %q: the same key %t, want %t", c.app.Kubernetes.Siblings, got, c.want)
		}
	}
}
