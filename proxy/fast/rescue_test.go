//go:build linux

package fast

import (
	"io"
	"strings"
	"testing"
)

// TestPanic: a panic breaks off the request that it happens in, and no other. It
// leaves nothing behind.
func TestPanic(t *testing.T) {
	goOn := make(chan struct{})
	f := serve(t, Options{Loops: 1}, script(t, func(c *peer) {
		for {
			switch line := c.head(); {
			case line == "":
				return
			case strings.Contains(line, "/fault"):
				c.send("HTTP/1.1 299 Odd\nContent-Length: 2\n\nok")
			default:
				<-goOn
				c.send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
			}
		}
	}))
	other, victim := dial(t, f.address), dial(t, f.address)
	other.send("GET / HTTP/1.1\nHost: a\n\n")
	victim.send("GET /fault HTTP/1.1\nHost: a\n\n")
	if _, err := io.ReadAll(victim); err == nil {
		t.Error("the connection ended as if all were well")
	}
	f.recorded(t, 500)
	if !strings.Contains(f.log.String(), "event loop panicked") {
		t.Errorf("log: %s", f.log)
	}
	close(goOn)
	if code, _ := other.response(t); code != 200 {
		t.Errorf("the other request got %d", code)
	}
	after := dial(t, f.address)
	after.send("GET / HTTP/1.1\nHost: a\n\n")
	if code, _ := after.response(t); code != 200 {
		t.Errorf("the next request got %d", code)
	}
}
