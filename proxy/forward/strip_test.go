package forward_test

import (
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/forward"
)

// TestStrip: the instance gets the path without the prefix, and X-Forwarded-Prefix. That
// of a trusted proxy comes before it; that of a stranger is not believed.
func TestStrip(t *testing.T) {
	t.Parallel()
	proxy := forward.Peer{IP: "10.0.0.1", Trusted: true, Scheme: "http"}
	stranger := forward.Peer{IP: "1.2.3.4", Scheme: "http"}
	const outer = "x-forwarded-prefix: /outer/\nX-Forwarded-Prefix: /second\n"
	for _, c := range []struct {
		name, target, fields string
		from                 forward.Peer
		strip                int
		line, prefix         string
	}{
		{"a part", "/api/users?a=/api", "", stranger, 4, "/users?a=/api", "/api"},
		{"all", "/api", "", stranger, 4, "/", "/api"},
		{"all with a query", "/api?a=b", "", stranger, 4, "/?a=b", "/api"},
		{"all but the slash", "/api/", "", stranger, 4, "/", "/api"},
		{"an absolute target", "http://a/api/x", "", stranger, 4, "/x", "/api"},
		{"all of an absolute target", "http://a/api?b", "", stranger, 4, "/?b", "/api"},
		{"a stranger's prefix", "/api/x", outer, stranger, 4, "/x", "/api"},
		{"a proxy's prefix", "/api/x", outer, proxy, 4, "/x", "/outer/api"},
		{"an empty prefix of a proxy", "/api/x", "X-Forwarded-Prefix:\n", proxy, 4, "/x", "/api"},
		{"nothing", "/api/x", "", proxy, 0, "/api/x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			input := "GET " + c.target + " HTTP/1.1\nHost: a\n" + c.fields + "\n"
			r := parseRequest(t, input)
			c.from.Strip = c.strip
			head, _ := forward.AppendRequest(nil, r, c.from)
			want := "GET " + c.line + " HTTP/1.1\nHost: a\nX-Forwarded-For: " + c.from.IP + "\nX-Forwarded-Host: a\n"
			if c.prefix != "" {
				want += "X-Forwarded-Prefix: " + c.prefix + "\n"
			}
			if got := text(head); got != want+"X-Forwarded-Proto: http\n\n" {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if size := forward.RequestSize(r, len(input)+strings.Count(input, "\n"), c.from); len(head) > size {
				t.Errorf("the head has %d bytes, RequestSize said %d", len(head), size)
			}
		})
	}
}
