package daemon

import (
	"net/http/httptest"
	"testing"
)

func TestSecureURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		host, target string
		port         int
		want         string
	}{
		{"a.example.com", "/", 443, "https://a.example.com/"},
		{"a.example.com", "/a%20b?c=d&e", 4443, "https://a.example.com/a%20b?c=d&e"},
		{"a.example.com:8080", "/x", 4443, "https://a.example.com:4443/x"},
		{"a.example.com:8080", "/x", 443, "https://a.example.com/x"},
		{"[::1]:8080", "/", 4443, "https://[::1]:4443/"},
		{"[::1]:8080", "/", 443, "https://[::1]/"},
		{"[::1]", "/", 443, "https://[::1]/"},
		{"a.example.com", "http://b.example.com/y", 443, "https://b.example.com/y"},
		{"a.example.com", "*", 443, ""},
		{"", "/", 443, ""},
	} {
		r := httptest.NewRequest("OPTIONS", test.target, nil)
		if test.target[0] == '/' || test.target == "*" {
			r.Host = test.host
		}
		if got, ok := secureURL(r, test.port); got != test.want || ok != (test.want != "") {
			t.Errorf("%s of %q: %q, %v, want %q", test.target, test.host, got, ok, test.want)
		}
	}
}
