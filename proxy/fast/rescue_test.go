//go:build linux

package fast

import (
	"io"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestPanic: a panic breaks off the request that it happens in, and no other. It
// leaves nothing behind.
func TestPanic(t *testing.T) {
	goOn := make(chan struct{})
	f := serve(t, Options{Loops: 1}, proxytest.Script(t, func(c *proxytest.Peer) {
		for {
			switch line := c.FirstLine(); {
			case line == "":
				return
			case strings.Contains(line, "/fault"):
				c.Send("HTTP/1.1 299 Odd\nContent-Length: 2\n\nok")
			default:
				<-goOn
				c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
			}
		}
	}))
	other, victim := proxytest.Dial(t, f.address), proxytest.Dial(t, f.address)
	other.Send("GET / HTTP/1.1\nHost: a\n\n")
	victim.Send("GET /fault HTTP/1.1\nHost: a\n\n")
	if _, err := io.ReadAll(victim); err == nil {
		t.Error("the connection ended as if all were well")
	}
	f.recorded(t, 500)
	if !strings.Contains(f.log.String(), "event loop panicked") {
		t.Errorf("log: %s", f.log)
	}
	close(goOn)
	if code, _ := other.Response(t); code != 200 {
		t.Errorf("the other request got %d", code)
	}
	after := proxytest.Dial(t, f.address)
	after.Send("GET / HTTP/1.1\nHost: a\n\n")
	if code, _ := after.Response(t); code != 200 {
		t.Errorf("the next request got %d", code)
	}
}
