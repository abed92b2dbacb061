package daemon_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestLimits: the public listener enforces the limits of the config, and those of a
// new config after a reload.
func TestLimits(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "limits: {requestLine: 100, header: 1KiB, headerFields: 10}\n")
	ask := func(path, field string) int {
		t.Helper()
		request, err := http.NewRequest(http.MethodGet, r.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Filler", field)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	r.AwaitReady(2)
	long := strings.Repeat("x", 200)
	for _, c := range []struct {
		path, field string
		want        int
	}{
		{"/", "", 200},
		{"/?" + long, "", 414},
		{"/", strings.Repeat(long, 6), 431},
	} {
		if got := ask(c.path, c.field); got != c.want {
			t.Errorf("GET %.10s with %d more bytes: %d, want %d", c.path, len(c.field), got, c.want)
		}
	}
	r.Reload("limits: {requestLine: 1KiB}\n")
	daemontest.Eventually(t, "the longer request line", func() bool { return ask("/?"+long, "") == 200 })
}
