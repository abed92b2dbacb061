package proxy_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
)

// TestConnectTimeout: an app may have a shorter time to connect than the usual one. With
// registry.Options.Remote, an instance that has not answered in it gets no further request.
func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{
		queue:     registry.Options{QueueLimit: 10, QueueTimeout: patience, Remote: true},
		instances: []string{deafAddress(t), server(t, echo)},
	})
	f.app.Configure(route.Settings{RequestTimeout: patience, ConnectTimeout: 10 * time.Millisecond})
	for range 3 {
		seen(t, get(t, newClient(t, "http1"), f.url))
		if took := f.recorded(t, http.StatusOK).took; took >= policy.DialTimeout {
			t.Errorf("it took %v", took)
		}
	}
	if got := f.served(); got[0] != 1 || got[1] != 3 {
		t.Errorf("claims %v, want 1 and 3", got)
	}
}
