//go:build linux

package fast

import (
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestRefusalOfParts: a refusal has content or not as the method of its request
// demands, even when other requests were read between the parts of that one.
func TestRefusalOfParts(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{Loops: 1}, server(t, echo))
	for _, method := range []string{"GET", "HEAD"} {
		c, other := proxytest.Dial(t, f.address), proxytest.Dial(t, f.address)
		c.Send(method + " / HTTP/1.1\nHost: a\n")
		f.awaitRequest(t)
		for _, s := range []string{"HEAD", "POST"} { // where the method was
			other.Send(s + " / HTTP/1.1\nHost: a\n\n")
			if line := other.FirstLine(); !strings.HasPrefix(line, "HTTP/1.1 200 ") {
				t.Fatalf("got %q", line)
			}
			if s == "POST" {
				_, _ = other.R.Discard(len("POST / "))
			}
			if s != method {
				break
			}
		}
		c.Send("bad field\n\n")
		if line := c.FirstLine(); !strings.HasPrefix(line, "HTTP/1.1 400 ") {
			t.Errorf("%s: got %q", method, line)
		}
		if rest := c.Rest(); (rest == "") != (method == "HEAD") {
			t.Errorf("%s: content %q", method, rest)
		}
		_ = c.Close()
	}
}
