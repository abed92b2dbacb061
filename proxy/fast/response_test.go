//go:build linux

package fast

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/settings"
)

// TestTruncated: a client that cannot see from the framing that a response is not
// whole sees it from the connection, whichever side broke it off.
func TestTruncated(t *testing.T) {
	t.Parallel()
	const half = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\nhalf\n"
	truncated := func(t *testing.T, c *proxytest.Peer) {
		t.Helper()
		var err error
		for buffer := make([]byte, 64<<10); err == nil; {
			_, err = c.Read(buffer)
		}
		if !strings.Contains(err.Error(), "reset") {
			t.Errorf("the response ended with %v", err)
		}
	}
	t.Run("instance", func(t *testing.T) {
		f := serve(t, Options{}, proxytest.Script(t, func(c *proxytest.Peer) {
			c.FirstLine()
			c.Send(half)
		}))
		c := proxytest.Dial(t, f.address)
		c.Send("GET / HTTP/1.0\n\n")
		truncated(t, c)
		f.recorded(t, 502)
	})
	t.Run("time", func(t *testing.T) {
		options := Options{Settings: with(settings.Settings{IdleTimeout: 100 * time.Millisecond})}
		f := serve(t, options, proxytest.Script(t, func(c *proxytest.Peer) {
			c.FirstLine()
			c.Send("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4000000\n")
			_, _ = c.Write(make([]byte, 64<<20)) // more than the kernels take
		}))
		c := proxytest.Dial(t, f.address)
		c.Send("GET / HTTP/1.0\n\n")
		f.recorded(t, 499)
		truncated(t, c)
	})
	t.Run("shutdown", func(t *testing.T) {
		f := serve(t, Options{}, proxytest.Script(t, func(c *proxytest.Peer) {
			c.FirstLine()
			c.Send(half)
			_ = c.Rest()
		}))
		c := proxytest.Dial(t, f.address)
		c.Send("GET / HTTP/1.0\n\n")
		_ = c.FirstLine()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = f.Shutdown(ctx)
		truncated(t, c)
	})
}
