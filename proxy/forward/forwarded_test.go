package forward_test

import (
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/forward"
)

// TestForwarded: a client is described as the connection shows it, and a trusted
// proxy is believed what it says about its own client.
func TestForwarded(t *testing.T) {
	t.Parallel()
	const all = "Forwarded: for=9.9.9.9\nX-Real-IP: 9.9.9.9\nX-Forwarded-For: 9.9.9.9\nX-Forwarded-Host: b\nX-Forwarded-Proto: gopher\nX-Forwarded-Port: 9\nx-forwarded-prefix: /p\n"
	stranger := forward.Peer{IP: "1.2.3.4", Scheme: "http"}
	proxy := forward.Peer{IP: "10.0.0.1", Trusted: true, Scheme: "https"}
	for _, c := range []struct {
		name, fields string
		from         forward.Peer
		want         string
	}{
		{"a stranger", "", stranger, forwarded},
		{"a stranger is not believed", all, stranger, forwarded},
		{"a stranger has no way around that", "Connection: X-Forwarded-For, X-Real-IP, Forwarded\n" + all, stranger, forwarded},
		{"over TLS", "", forward.Peer{IP: "::1", Scheme: "https"}, "X-Forwarded-For: ::1\nX-Forwarded-Host: a\nX-Forwarded-Proto: https\n"},
		{"without an address", "X-Forwarded-For: 9.9.9.9\n", forward.Peer{Scheme: "http"}, "X-Forwarded-Host: a\nX-Forwarded-Proto: http\n"},
		{"a proxy that says nothing", "", proxy, "X-Forwarded-For: 10.0.0.1\nX-Forwarded-Host: a\nX-Forwarded-Proto: https\n"},
		{
			"a proxy is believed", all, proxy,
			"Forwarded: for=9.9.9.9\nX-Real-IP: 9.9.9.9\nX-Forwarded-Port: 9\nx-forwarded-prefix: /p\nX-Forwarded-For: 9.9.9.9, 10.0.0.1\nX-Forwarded-Host: b\nX-Forwarded-Proto: gopher\n",
		},
		{
			"a proxy's client cannot remove what the proxy says", "Connection: X-Forwarded-For, x-forwarded-host, X-Forwarded-Proto, X-Real-IP, Forwarded, X-Forwarded-Port\n" + all, proxy,
			"Forwarded: for=9.9.9.9\nX-Real-IP: 9.9.9.9\nX-Forwarded-Port: 9\nx-forwarded-prefix: /p\nX-Forwarded-For: 9.9.9.9, 10.0.0.1\nX-Forwarded-Host: b\nX-Forwarded-Proto: gopher\n",
		},
		{
			"addresses are continued in the order of their lines", "X-Forwarded-For: 7.7.7.7, 8.8.8.8\nx-forwarded-for: 9.9.9.9\n", proxy,
			"X-Forwarded-For: 7.7.7.7, 8.8.8.8, 9.9.9.9, 10.0.0.1\nX-Forwarded-Host: a\nX-Forwarded-Proto: https\n",
		},
		{
			"the first host and scheme count", "X-Forwarded-Host: b\nX-Forwarded-Host: c\nX-Forwarded-Proto: http\nX-Forwarded-Proto: gopher\n", proxy,
			"X-Forwarded-For: 10.0.0.1\nX-Forwarded-Host: b\nX-Forwarded-Proto: http\n",
		},
		{
			"an empty host or scheme says nothing", "X-Forwarded-Host:\nX-Forwarded-Host: c\nX-Forwarded-Proto:\n", proxy,
			"X-Forwarded-For: 10.0.0.1\nX-Forwarded-Host: a\nX-Forwarded-Proto: https\n",
		},
		{
			"a proxy's client cannot write Forwarded beside X-Forwarded-For", "Forwarded: for=6.6.6.6\nX-Forwarded-For: 6.6.6.6, 9.9.9.9\n", proxy,
			"X-Forwarded-For: 6.6.6.6, 9.9.9.9, 10.0.0.1\nX-Forwarded-Host: a\nX-Forwarded-Proto: https\n",
		},
		{
			"Forwarded alone is believed", "Forwarded: for=\"[2001:db8::1]:1\";host=\"b:8\";proto=gopher\nForwarded: for=9.9.9.9;proto=http\n", proxy,
			"Forwarded: for=\"[2001:db8::1]:1\";host=\"b:8\";proto=gopher\nForwarded: for=9.9.9.9;proto=http\n" +
				"X-Forwarded-For: 2001:db8::1, 9.9.9.9, 10.0.0.1\nX-Forwarded-Host: b:8\nX-Forwarded-Proto: gopher\n",
		},
		{
			"Forwarded that is malformed is not", "Forwarded: for=9.9.9.9;host=\"b\nForwarded: for=9.9.9.9\n", proxy,
			"X-Forwarded-For: 10.0.0.1\nX-Forwarded-Host: a\nX-Forwarded-Proto: https\n",
		},
		{
			"Forwarded says nothing beside the host of a proxy", "Forwarded: for=9.9.9.9;proto=gopher\nX-Forwarded-Host: b\n", proxy,
			"Forwarded: for=9.9.9.9;proto=gopher\nX-Forwarded-For: 10.0.0.1\nX-Forwarded-Host: b\nX-Forwarded-Proto: https\n",
		},
		{
			"nor is an underscore believed of a proxy", "X_Forwarded_For: 9.9.9.9\n", proxy,
			"X-Forwarded-For: 10.0.0.1\nX-Forwarded-Host: a\nX-Forwarded-Proto: https\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := parseRequest(t, "GET / HTTP/1.1\nHost: a\n"+c.fields+"\n")
			head, _ := forward.AppendRequest(nil, r, c.from)
			if got, want := text(head), "GET / HTTP/1.1\nHost: a\n"+c.want+"\n"; got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestForwardedPrefix: X-Forwarded- alone is a name like any other.
func TestForwardedPrefix(t *testing.T) {
	t.Parallel()
	r := parseRequest(t, "GET / HTTP/1.1\nHost: a\nX-Forwarded-: 1\nX-Forwardedness: 2\n\n")
	head, _ := forward.AppendRequest(nil, r, forward.Peer{Scheme: "http"})
	if got := text(head); !strings.Contains(got, "\nX-Forwarded-: 1\nX-Forwardedness: 2\n") {
		t.Errorf("got\n%s", got)
	}
}
