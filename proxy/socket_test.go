package proxy_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestSocketSurplus checks that bytes behind a response are not given to another
// client.
func TestSocketSurplus(t *testing.T) {
	t.Parallel()
	sent := make(chan struct{})
	var conns atomic.Int32
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		first := conns.Add(1) == 1
		for c.Head() != nil {
			c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
			if first {
				c.Send("HTTP/1.1 200 OK\nContent-Length: 4\n\nEVIL")
				close(sent)
				c.WaitClosed() // the load balancer does so
				return
			}
		}
	})}})
	client := newClient(t, "http1")
	for i := range 3 {
		res := get(t, client, f.url)
		if body := readAll(t, res); res.StatusCode != http.StatusOK || body != "ok" {
			t.Errorf("response %d: %d %q", i, res.StatusCode, body)
		}
		wait(t, sent, "surplus")
	}
}
