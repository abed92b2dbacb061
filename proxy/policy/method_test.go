package policy

import (
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// TestCheckMethod: two methods are not for a reverse proxy.
func TestCheckMethod(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]error{"CONNECT a:1": ErrConnectMethod, "TRACE /": ErrTraceMethod, "GET /": nil, "trace /": nil} {
		r := http1.NewRequest(http1.Limits{})
		if _, err := r.Parse([]byte(target + " HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if got := CheckMethod(r); got != want { //nolint:errorlint // the very value
			t.Errorf("%s: %v, want %v", target, got, want)
		}
	}
}
