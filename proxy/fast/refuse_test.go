//go:build linux

package fast

import (
	"strings"
	"testing"
)

// TestRefusalOfParts: a refusal has content or not as the method of its request
// demands, even when other requests were read between the parts of that one.
func TestRefusalOfParts(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{Loops: 1}, server(t, echo))
	for _, method := range []string{"GET", "HEAD"} {
		c, other := dial(t, f.address), dial(t, f.address)
		c.send(method + " / HTTP/1.1\nHost: a\n")
		f.awaitRequest(t)
		for _, s := range []string{"HEAD", "POST"} { // where the method was
			other.send(s + " / HTTP/1.1\nHost: a\n\n")
			if line := other.head(); !strings.HasPrefix(line, "HTTP/1.1 200 ") {
				t.Fatalf("got %q", line)
			}
			if s == "POST" {
				_, _ = other.r.Discard(len("POST / "))
			}
			if s != method {
				break
			}
		}
		c.send("bad field\n\n")
		if line := c.head(); !strings.HasPrefix(line, "HTTP/1.1 400 ") {
			t.Errorf("%s: got %q", method, line)
		}
		if rest := c.rest(); (rest == "") != (method == "HEAD") {
			t.Errorf("%s: content %q", method, rest)
		}
		_ = c.Close()
	}
}
