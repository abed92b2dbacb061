package proxy_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestTimeout checks that an instance that does not respond in time means one 504,
// without a retry.
func TestTimeout(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	f := newProxy(t, setup{
		instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
			for {
				head := c.Head()
				if head == nil {
					return
				}
				if strings.Contains(head[0], "/slow") {
					requests.Add(1)
					c.WaitClosed()
					return
				}
				c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
			}
		})},
		timeout: time.Second,
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		requests.Store(0)
		readAll(t, get(t, client, f.url)) // so that the connection is a reused one
		f.recorded(t, 200)
		wantFault(t, get(t, client, f.url+"/slow"), 504, `did not respond in time","reason":"no response header within 1s","key":"requestTimeout"`)
		if !strings.Contains(f.log.String(), "no response header within 1s (requestTimeout)") {
			t.Errorf("the log does not name the limit: %s", f.log)
		}
		if took := f.recorded(t, 504).took; took < time.Second {
			t.Errorf("took %v", took)
		}
		if n := requests.Load(); n != 1 {
			t.Errorf("sent %d times, want 1", n)
		}
		f.idle(t)
	})
}

// TestInvalidResponse checks that a malformed response means a 502, and that nothing
// of it reaches the client.
func TestInvalidResponse(t *testing.T) {
	t.Parallel()
	var response atomic.Pointer[string]
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		c.Head()
		c.Send(*response.Load())
		c.WaitClosed()
	})}})
	for name, text := range map[string]string{
		"garbage":          "what?\n\n",
		"status 099":       "HTTP/1.1 099 X\nContent-Length: 2\n\nok",
		"status 99":        "HTTP/1.1 99 X\nContent-Length: 2\n\nok",
		"bad length":       "HTTP/1.1 200 OK\nContent-Length: x\n\nok",
		"two lengths":      "HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 3\n\nok",
		"unknown coding":   "HTTP/1.1 200 OK\nTransfer-Encoding: x\n\nok",
		"1.1 MiB head":     "HTTP/1.1 200 OK\nX: " + strings.Repeat("x", 1100<<10) + "\n\n",
		"unasked 101":      "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n\n",
		"nameless 101":     "HTTP/1.1 101 Switching Protocols\n\n",
		"half-hearted 101": "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			response.Store(&text)
			eachProtocol(t, func(t *testing.T, client *http.Client) {
				wantFault(t, get(t, client, f.url), 502, "the instance sent an invalid response")
				f.recorded(t, 502)
				f.idle(t)
			})
		})
	}
}
