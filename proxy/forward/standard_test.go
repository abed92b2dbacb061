package forward_test

import (
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/forward"
)

// TestStandard: an instance that wants Forwarded gets one field, which continues what a
// trusted proxy says, in whichever form.
func TestStandard(t *testing.T) {
	t.Parallel()
	stranger := forward.Peer{IP: "1.2.3.4", Scheme: "http", Standard: true}
	proxy := forward.Peer{IP: "10.0.0.1", Trusted: true, Scheme: "https", Standard: true}
	const own = `for=10.0.0.1;host="a:8";proto=https`
	for _, c := range []struct {
		name, fields string
		from         forward.Peer
		want         string
	}{
		{"a stranger", "", stranger, `for=1.2.3.4;host="a:8";proto=http`},
		{"a stranger is not believed", "Forwarded: for=9.9.9.9\nX-Forwarded-For: 9.9.9.9\n", stranger, `for=1.2.3.4;host="a:8";proto=http`},
		{"IPv6", "", forward.Peer{IP: "2001:db8::1", Scheme: "http", Standard: true}, `for="[2001:db8::1]";host="a:8";proto=http`},
		{"without an address", "", forward.Peer{Scheme: "http", Standard: true}, `for=unknown;host="a:8";proto=http`},
		{"a proxy that says nothing", "", proxy, own},
		{"a proxy that says it so", "Forwarded: for=9.9.9.9;proto=http\nForwarded: for=_x\n", proxy, "for=9.9.9.9;proto=http, for=_x, " + own},
		{
			"a proxy that says it otherwise", "X-Forwarded-For: 9.9.9.9, 2001:db8::1\nX-Forwarded-For: [::1]\nX-Forwarded-Host: b\nX-Forwarded-Proto: https\n", proxy,
			`for=9.9.9.9;host="b";proto="https", for="[2001:db8::1]", for="[::1]", ` + own,
		},
		{"a proxy that says both", "Forwarded: for=9.9.9.9\nX-Forwarded-For: 9.9.9.9\n", proxy, "for=9.9.9.9, " + own},
		{"the client of a proxy", "Forwarded: for=6.6.6.6\nX-Forwarded-For: 9.9.9.9\n", proxy, "for=9.9.9.9, " + own},
		{"no address", "X-Forwarded-For: 9.9.9.9, unknown\n", proxy, own},
		{"malformed", "Forwarded: for\n", proxy, own},
		{"a host with a quote", "X-Forwarded-For: 9.9.9.9\nX-Forwarded-Host: b\";for=1\n", proxy, "for=9.9.9.9, " + own},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := parseRequest(t, "GET / HTTP/1.1\nHost: a:8\n"+c.fields+"\n")
			head, _ := forward.AppendRequest(nil, r, c.from)
			var got []string
			for line := range strings.Lines(text(head)) {
				if value, ok := strings.CutPrefix(line, "Forwarded: "); ok {
					got = append(got, strings.TrimSuffix(value, "\n"))
				}
			}
			if len(got) != 1 || got[0] != c.want {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
		})
	}
}

// TestStandardSize: addresses that become longer have room.
func TestStandardSize(t *testing.T) {
	t.Parallel()
	for _, fields := range []string{
		"X-Forwarded-For: " + strings.Repeat("::,", 500) + "::\n",
		"Forwarded: " + strings.Repeat("for=x,", 500) + "for=x\n",
	} {
		head := "GET / HTTP/1.1\nHost: a\n" + fields + "\n"
		r := parseRequest(t, head)
		from := forward.Peer{IP: "2001:db8::1", Trusted: true, Scheme: "https", Standard: true}
		b, _ := forward.AppendRequest(nil, r, from)
		if limit := forward.RequestSize(r, len(head), from); len(b) > limit {
			t.Errorf("%d bytes, want no more than %d", len(b), limit)
		}
	}
}
