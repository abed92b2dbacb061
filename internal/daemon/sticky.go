package daemon

import (
	"crypto/hmac"
	"crypto/sha256"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/proxy/sticky"
)

// stickyRules returns the sessions of an app, nil for none. Apps of one host have a cookie
// each.
func stickyRules(a *config.App, on host) *sticky.Rules {
	cookie := "dynlb"
	if a.Name != "" && a.Name != config.DefaultApp {
		cookie += "-" + a.Name
	}
	return sticky.New(sticky.Settings{By: a.Sticky.By, Header: a.Sticky.Header, Moved: a.Sticky.Moved, Cookie: cookie, Key: sessionKey(a, on)})
}

// sessionKey returns the key of the sessions of an app: with siblings one that all of them can
// make, from the token that they have in common.
func sessionKey(a *config.App, on host) (key [sticky.KeySize]byte) {
	if a.Kubernetes.Siblings == "" || on.access.Token == nil {
		return on.sessionKey
	}
	h := hmac.New(sha256.New, []byte(on.access.Token()))
	h.Write([]byte("sessions of dynlb"))
	h.Sum(key[:0])
	return key
}
