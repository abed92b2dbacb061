package proxy_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/http1"
)

// TestUnderscoreFields checks that request fields with an underscore in the name are
// dropped with a line in the log, unless the settings in force let them pass, and that
// those pass never that look like a field of the proxy.
func TestUnderscoreFields(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, pass := range []bool{false, true, false} {
			f.proxy.Configure(proxy.Settings{Limits: http1.Limits{Underscores: pass}})
			r := newRequest(t, http.MethodGet, f.url, nil)
			r.Header.Set("X_Api_Key", "secret")
			r.Header.Set("X_Forwarded_For", "203.0.113.1")
			header := seen(t, do(t, client, r)).Header
			if _, got := header["X_api_key"]; got != pass {
				t.Errorf("Underscores %t: the instance got %v", pass, header)
			}
			if _, got := header["X_forwarded_for"]; got {
				t.Errorf("Underscores %t: spoofed: %v", pass, header)
			}
		}
	})
	if log := strings.ToLower(f.log.String()); strings.Count(log, "field=x_api_key") == 0 || strings.Count(log, "x_api_key") > 2 {
		t.Errorf("log: %s", log)
	}
}
