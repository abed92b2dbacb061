package policy

import (
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/http1"
)

// originOf returns the origin of a request of HTTP/1.1.
func originOf(t testing.TB, head, ip string, trusted bool) registry.Origin {
	t.Helper()
	r := http1.NewRequest(http1.Limits{})
	head = strings.ReplaceAll(head+"\nHost: a\n\n", "\n", "\r\n")
	n, err := r.Parse([]byte(head))
	if n == 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	return Origin(r, n, NetworkOf(ip), trusted)
}

// TestOriginClient checks which requests are those of one client.
func TestOriginClient(t *testing.T) {
	t.Parallel()
	const get = "GET / HTTP/1.1"
	one := originOf(t, get, "192.0.2.1", false)
	for _, c := range []struct {
		name, head, ip string
		trusted        bool
		same           bool
	}{
		{"the same address", get, "192.0.2.1", false, true},
		{"another address", get, "192.0.2.2", false, false},
		{"no address", get, "", false, false},
		{"what a stranger says", get + "\nX-Forwarded-For: 192.0.2.9", "192.0.2.1", false, true},
		{"what a proxy says", get + "\nX-Forwarded-For: 192.0.2.9", "192.0.2.1", true, false},
		{"what a proxy says of the client", get + "\nX-Forwarded-For: 192.0.2.9, 192.0.2.1", "10.0.0.1", true, true},
		{"what the client has said to the proxy", get + "\nX-Forwarded-For: 192.0.2.1, 192.0.2.9", "10.0.0.1", true, false},
		{"what a proxy says in a second field", get + "\nX-Forwarded-For: 192.0.2.9\nX-Forwarded-For: 192.0.2.1", "10.0.0.1", true, true},
		{"a proxy that says nothing", get, "192.0.2.1", true, true},
	} {
		if got := originOf(t, c.head, c.ip, c.trusted); (got.Client == one.Client) != c.same {
			t.Errorf("%s: the same client: %v, want %v", c.name, !c.same, c.same)
		}
	}
	six := originOf(t, get, "2001:db8::1", false)
	if originOf(t, get, "2001:db8::ffff:1", false) != six || originOf(t, get, "2001:db8:0:1::1", false) == six {
		t.Error("a client of IPv6 is not a /64 network")
	}
}

// TestOriginKind checks which requests are of one kind.
func TestOriginKind(t *testing.T) {
	t.Parallel()
	one := originOf(t, "GET /a/b HTTP/1.1", "", false)
	for _, head := range []string{
		"GET /a HTTP/1.1", "GET /a?b HTTP/1.1", "GET /a/c/d?e HTTP/1.0", "GET /a/b HTTP/1.1\nCookie: a",
		"GET http://h/a/b HTTP/1.1",
	} {
		if originOf(t, head, "", false).Kind != one.Kind {
			t.Errorf("%q is of another kind", head)
		}
	}
	for _, head := range []string{
		"GET /b HTTP/1.1", "GET / HTTP/1.1", "HEAD /a/b HTTP/1.1",
		"GET /a/b HTTP/1.1\nUpgrade: b\nConnection: upgrade",
		"GET /a/b HTTP/1.1\nContent-Length: 1",
		"GET /a/b HTTP/1.1\nTransfer-Encoding: chunked",
		"GET /a/b HTTP/1.1\nCookie: " + strings.Repeat("a", 4<<10),
	} {
		if originOf(t, head, "", false).Kind == one.Kind {
			t.Errorf("%.60q is of the same kind", head)
		}
	}
	post := originOf(t, "POST /a HTTP/1.1\nContent-Length: 1", "", false)
	if originOf(t, "POST /a HTTP/1.1\nContent-Length: 1000", "", false) != post {
		t.Error("small contents differ")
	}
	for _, head := range []string{"POST /a HTTP/1.1\nContent-Length: 1000000", "POST /a HTTP/1.1\nContent-Length: 1\nExpect: 100-continue"} {
		if originOf(t, head, "", false) == post {
			t.Errorf("%q does not differ", head)
		}
	}
}

// BenchmarkOrigin measures what it costs each request: about 20 ns, without allocation.
func BenchmarkOrigin(b *testing.B) {
	r := http1.NewRequest(http1.Limits{})
	n, err := r.Parse([]byte("GET /api/users/1?a=b HTTP/1.1\r\nHost: a\r\nCookie: b=c\r\n\r\n"))
	if err != nil {
		b.Fatal(err)
	}
	network := NetworkOf("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		Origin(r, n, network, false)
	}
}
