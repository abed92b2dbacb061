package proxy_test

import (
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestRandomConversations holds random conversations; see package proxytest.
func TestRandomConversations(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	proxytest.Converse(t, 120, func(t *testing.T, _ uint64, instances []string) string {
		var f *front
		t.Cleanup(func() { f.idle(t) }) // when it is shut down
		f = newProxy(t, setup{
			instances: instances, timeout: proxytest.Patience,
			options: proxy.Options{Settings: proxy.Settings{
				HeadTimeout: proxytest.Patience, BodyTimeout: proxytest.Patience,
			}},
		})
		return f.address
	})
}
