//go:build linux

package fast

import (
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/settings"
)

// TestRandomConversations holds random conversations; see package proxytest. serve checks
// that a round leaves nothing behind.
func TestRandomConversations(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	proxytest.Converse(t, 150, func(t *testing.T, seed uint64, instances []string) string {
		return serve(t, Options{
			Loops:    1 + int(seed%2),
			Settings: with(settings.Settings{HeadTimeout: proxytest.Patience, BodyTimeout: proxytest.Patience}),
		}, instances...).address
	})
}
