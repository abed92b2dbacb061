package proxy_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestFieldsNamed checks that the fields that a client names in Connection are
// removed, apart from those that a client cannot remove.
func TestFieldsNamed(t *testing.T) {
	t.Parallel()
	const fields = "Connection: close, Cookie, content-type, x-real-ip,\tX-Forwarded-Port , forwarded\n" +
		"Cookie: a\nContent-Type: a/b\nX-Real-IP: 1.1.1.1\nX-Forwarded-Port: 1\nForwarded: for=1.1.1.1\n\n"
	ours := http.Header{
		"Content-Type":    {"a/b"},
		"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"a"}, "X-Forwarded-Proto": {scheme()},
	}
	theirs := ours.Clone()
	theirs["X-Real-Ip"], theirs["X-Forwarded-Port"], theirs["Forwarded"] = []string{"1.1.1.1"}, []string{"1"}, []string{"for=1.1.1.1"}
	theirs["X-Forwarded-For"] = []string{"1.1.1.1, 127.0.0.1"} // Forwarded of a trusted peer counts
	for _, c := range []struct {
		trusted []netip.Prefix
		want    http.Header
	}{
		{nil, ours},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, theirs},
	} {
		f := newProxy(t, setup{instances: []string{server(t, echo)}, options: proxy.Options{Settings: proxy.Settings{TrustedProxies: c.trusted}}})
		conn := proxytest.Dial(t, f.address)
		conn.Send("GET / HTTP/1.1\nHost: a\n" + fields)
		res, err := http.ReadResponse(conn.R, nil)
		if err != nil {
			t.Fatal(err)
		}
		wantHeader(t, seen(t, res).Header, c.want)
	}
}
