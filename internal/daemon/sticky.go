package daemon

import (
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/proxy/sticky"
)

// stickyRules returns the sessions of an app, nil for none. Apps of one host have a cookie
// each.
func stickyRules(a *config.App) *sticky.Rules {
	cookie := "dynlb"
	if a.Name != "" && a.Name != config.DefaultApp {
		cookie += "-" + a.Name
	}
	return sticky.New(sticky.Settings{By: a.Sticky.By, Header: a.Sticky.Header, Moved: a.Sticky.Moved, Cookie: cookie})
}
