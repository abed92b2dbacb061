package proxy_test

import (
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestStreamHost checks that a request of HTTP/2 may have a host field that equals
// :authority, or that stands in its place (RFC 9113, 8.3.1), but not another one.
func TestStreamHost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fields [][2]string
		want   int
	}{
		"authority":        {[][2]string{{":authority", "a.example"}}, 200},
		"both":             {[][2]string{{":authority", "a.example"}, {"host", "a.example"}}, 200},
		"in another case":  {[][2]string{{":authority", "a.example"}, {"host", "A.Example"}}, 200},
		"host only":        {[][2]string{{"host", "a.example"}}, 200},
		"another host":     {[][2]string{{":authority", "a.example"}, {"host", "b.example"}}, 400},
		"two hosts":        {[][2]string{{"host", "a.example"}, {"host", "a.example"}}, 400},
		"a host behind it": {[][2]string{{":authority", "a.example"}, {"host", "a.example"}, {"host", "b.example"}}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			instance := &witness{}
			f := newProxy(t, setup{instances: []string{proxytest.Script(t, instance.talk)}})
			fields := append([][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}, c.fields...)
			if got := exchangeStream(t, f.address, fields, "", true); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
			_, requests := instance.seen()
			if c.want == 200 && (len(requests) != 1 || requests[0].host != "a.example") || c.want != 200 && len(requests) > 0 {
				t.Errorf("the instance got %+v", requests)
			}
		})
	}
}
