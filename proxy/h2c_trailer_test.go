package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/route"
)

// TestH2CRequestTrailers checks that the trailer section of a request reaches an instance
// that speaks HTTP/2, with content of all sizes, and without fields that frame a message.
func TestH2CRequestTrailers(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{protocol: route.H2C, instances: []string{h2cInstance(t, false, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprint(w, n, r.Trailer)
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, size := range []int{0, 10, 5000, 100_000, 3 << 20} {
			r := newRequest(t, http.MethodPost, f.url, io.MultiReader(strings.NewReader(strings.Repeat("x", size))))
			r.Trailer = http.Header{"X-Sum": {"1"}, "X-Other": {"a b"}}
			res := do(t, client, r)
			if got, want := readAll(t, res), fmt.Sprint(size, r.Trailer); got != want {
				t.Errorf("%s, %d bytes: got %s, want %s", res.Proto, size, got, want)
			}
		}
	})
	f.idle(t)
}

// TestH2CLongRequestTrailer checks that a client gets the blame for a trailer section that is
// too long, and not the instance.
func TestH2CLongRequestTrailer(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{protocol: route.H2C, instances: []string{h2cInstance(t, false, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, fields := range []int{10, 100} { // of 1000 bytes each
			for _, size := range []int{1, 100_000} {
				r := newRequest(t, http.MethodPost, f.url, io.MultiReader(strings.NewReader(strings.Repeat("x", size))))
				r.Trailer = make(http.Header)
				for i := range fields {
					r.Trailer.Set(fmt.Sprint("X-", i), strings.Repeat("a", 1000))
				}
				res := do(t, client, r)
				if body := readAll(t, res); res.StatusCode != http.StatusRequestHeaderFieldsTooLarge || !strings.Contains(body, "trailer section is too long") {
					t.Errorf("%s, %d fields, %d bytes: %s %s", res.Proto, fields, size, res.Status, body)
				}
				f.recorded(t, http.StatusRequestHeaderFieldsTooLarge)
			}
		}
	})
	f.idle(t)
}
