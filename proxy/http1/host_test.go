package http1_test

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

func acceptsHost(t testing.TB, host string) bool {
	t.Helper()
	r, n, err := parseRequest(t, http1.Limits{}, "GET / HTTP/1.1\nHost: "+host+"\n\n")
	if n > 0 && string(r.Host) != strings.Trim(host, " \t") {
		t.Errorf("host %q, want %q", r.Host, host)
	}
	return err == nil && n > 0
}

func TestHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"a": true, "A.example-1_2~.com.": true, "a:80": true, "a:": true, "a:0": true, "a:65535": true, "a:00080": true, "a:9090": true,
		"1.2.3.4": true, "1.2.3.4:80": true, "256.1": true,
		"[::]": true, "[::1]:80": true, "[2001:db8::1]": true, "[1:2:3:4:5:6:7:8]:": true, "[::ffff:1.2.3.4]": true,
		"[1:2:3:4:5:6:1.2.3.4]": true, "[::90.0.255.19]": true, "[1::8]": true, "[1:2:3:4:5:6:7::]": true,
		"": false, "a b": false, "a\tb": false, "a/b": false, "a@b": false, "a,b": false, "a\\b": false, "a?b": false, "a#b": false,
		"a%41": false, "a;b": false, "a&b": false, "a=b": false, "a\xc3\xa9": false, "\"a\"": false, "http://a": false, ":80": false,
		"a:65536": false, "a:000080": false, "a:8a": false, "a:-1": false, "a:+1": false, "a:80:80": false, "a::": false, "a: 80": false,
		"::1": false, "[": false, "[]": false, "[::1": false, "::1]": false, "[::1]80": false, "[::1]a": false, "[[::1]]": false,
		"[1.2.3.4]": false, "[a]": false, "[::1%25eth0]": false, "[::1%eth0]": false, "[v1.a]": false, "[:]": false, "[:::]": false,
		"[1:2:3:4:5:6:7:8:9]": false, "[1:2:3:4:5:6:7]": false, "[1::2::3]": false, "[12345::]": false, "[1:]": false, "[:1]": false,
		"[1:2:3:4:5:6:7::8]": false, "[::1.2.3]": false, "[::1.2.3.256]": false, "[::01.2.3.4]": false, "[::1.2.3.4.5]": false,
		"[1:2:3:4:5:6:7:1.2.3.4]": false, "[::1.2.3.4:5]": false, "a]": false, "a[b": false,
	} {
		if got := acceptsHost(t, host); got != want {
			t.Errorf("%q: %t, want %t", host, got, want)
		}
	}
}

// FuzzHost: net/url accepts every accepted host, and net/netip parses the part in
// brackets exactly when it is accepted.
func FuzzHost(f *testing.F) {
	for _, seed := range []string{"a.b:80", "[::1]", "[1:2::1.2.3.4]:80", "[:ffff::]", "1.2.3.4:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if strings.ContainsAny(host, "\r\n \t") || len(host) > 1000 {
			return
		}
		accepted := acceptsHost(t, host)
		if accepted {
			u, err := url.Parse("http://" + host + "/x")
			if err != nil || u.Host != host || u.User != nil || u.Path != "/x" {
				t.Errorf("%q: %+v, %v", host, u, err)
			}
		}
		if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
			addr, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
			if is := err == nil && addr.Is6() && addr.Zone() == ""; is != accepted {
				t.Errorf("%q: accepted %t, an address %t", host, accepted, is)
			}
		}
	})
}
