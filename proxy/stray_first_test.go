package proxy_test

import (
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestStrayBytesFirst checks what stray bytes do that an instance sends before the first
// request of a connection. Those that are there before the request is sent are found, and
// the request goes elsewhere. Those that come later cannot be told from the response to
// it. They must not spoil any further request.
func TestStrayBytesFirst(t *testing.T) {
	t.Parallel()
	var greetings atomic.Int64
	greet := func(c *proxytest.Peer) {
		if rand.IntN(4) == 0 {
			greetings.Add(1)
			time.Sleep(time.Duration(rand.Int64N(int64(2 * time.Millisecond))))
			_, _ = io.WriteString(c, litter)
		}
		for c.Head() != nil {
			c.Send("HTTP/1.1 200 OK\nX-Id: right\nContent-Length: 5\n\nright")
		}
	}
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, greet), proxytest.Script(t, greet)}, unproven: true})
	right, spoilt := 0, int64(0)
	c := proxytest.Dial(t, f.address)
	for range 500 {
		_ = c.SetDeadline(time.Now().Add(patience))
		c.Send("GET / HTTP/1.1\nHost: a\n\n")
		res, err := readFinal(c.R, http.MethodGet)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		switch string(content) {
		case "right":
			right++
		default: // the litter, or a 502 without another instance
			spoilt++
		}
	}
	if n := greetings.Load(); spoilt > n || right == 0 {
		t.Errorf("%d connections with stray bytes spoilt %d requests; %d were right", n, spoilt, right)
	}
}
