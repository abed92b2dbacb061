package proxy_test

import (
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestRandomConversations holds random conversations; see package proxytest.
func TestRandomConversations(t *testing.T) {
	t.Parallel()
	converse(t, overTLS)
}

// TestRandomConversationsOverTLS is the same over TLS.
func TestRandomConversationsOverTLS(t *testing.T) {
	t.Parallel()
	converse(t, true)
}

func converse(t *testing.T, secure bool) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
	proxytest.Converse(t, 120, func(t *testing.T, _ uint64, instances []string) string {
		var f *front
		t.Cleanup(func() { // when it is shut down
			f.idle(t)
			if t.Failed() {
				t.Logf("log: %s", f.log)
			}
		})
		f = newProxy(t, setup{
			instances: instances, timeout: proxytest.Patience, tls: secure,
			options: proxy.Options{Settings: proxy.Settings{
				HeadTimeout: proxytest.Patience, BodyTimeout: proxytest.Patience,
			}},
		})
		return f.address
	})
}
