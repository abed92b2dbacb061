package proxy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestLargeResponseHead checks that the limits of clients are not those of
// instances: a response with a large head, or with many fields, is passed on whole.
func TestLargeResponseHead(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		for c.Head() != nil {
			var head strings.Builder
			for i := range 1000 {
				fmt.Fprintf(&head, "X-Field-%d: %s\n", i, strings.Repeat("v", 200))
			}
			c.Send("HTTP/1.1 200 OK\n" + head.String() + "Content-Length: 2\n\nok")
		}
	})}})
	client := newClient(t, "http1")
	for range 3 {
		res := get(t, client, f.url)
		if body := readAll(t, res); res.StatusCode != http.StatusOK || body != "ok" || len(res.Header) < 1000 {
			t.Fatalf("%d %q with %d fields", res.StatusCode, body, len(res.Header))
		}
		f.recorded(t, http.StatusOK)
	}
}

// TestLongCookie checks that a Cookie line may fill the head.
func TestLongCookie(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, len(r.Header.Get("Cookie")))
	})}})
	for size, want := range map[int]int{15_000: 200, 17_000: 200, 60_000: 200, 70_000: 431} {
		c := proxytest.Dial(t, f.address)
		c.Send("GET / HTTP/1.1\nHost: a\nCookie: a=" + strings.Repeat("b", size) + "\nConnection: close\n\n")
		line := c.Head()
		if len(line) == 0 || !strings.HasPrefix(line[0], fmt.Sprintf("HTTP/1.1 %d ", want)) {
			t.Errorf("Cookie of %d bytes: %q, want %d", size, line, want)
		}
	}
}
