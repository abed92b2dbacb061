package proxy_test

import (
	"net/http"
	"testing"

	"golang.org/x/net/http2"

	"github.com/dynlb/dynlb/proxy/route"
)

// TestHeadH2C checks that a response to HEAD of an instance that speaks HTTP/2 reaches the
// client, however the instance ends its stream.
func TestHeadH2C(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(f *frames, stream uint32){
		"with the head":    func(f *frames, s uint32) { f.fields(s, true, ":status", "200", "content-length", "100") },
		"without a length": func(f *frames, s uint32) { f.fields(s, true, ":status", "200") },
		"empty data": func(f *frames, s uint32) {
			f.fields(s, false, ":status", "200", "content-length", "100")
			_ = f.WriteData(s, true, nil)
		},
		"content": func(f *frames, s uint32) {
			f.fields(s, false, ":status", "200", "content-length", "3")
			_ = f.WriteData(s, true, []byte("abc"))
		},
		"trailer section": func(f *frames, s uint32) {
			f.fields(s, false, ":status", "200", "content-length", "100")
			f.fields(s, true, "x-trailer", "1")
		},
		"reset without an error": func(f *frames, s uint32) {
			f.fields(s, true, ":status", "200", "content-length", "100")
			_ = f.WriteRSTStream(s, http2.ErrCodeNo)
		},
		"goaway": func(f *frames, s uint32) {
			f.fields(s, true, ":status", "200", "content-length", "100")
			_ = f.WriteGoAway(s, http2.ErrCodeNo, nil)
		},
	} {
		for _, protocol := range []string{"http1", "http2"} {
			t.Run(name+"/"+protocol, func(t *testing.T) {
				t.Parallel()
				address := frameInstance(t, func(_ int, f *frames) {
					for stream := f.request(); stream != 0; stream = f.request() {
						end(f, stream)
					}
				})
				f := newProxy(t, setup{instances: []string{address}, protocol: route.H2C})
				client := newClient(t, protocol)
				for range 3 {
					res := do(t, client, newRequest(t, http.MethodHead, f.url, nil))
					readAll(t, res)
					if res.StatusCode != http.StatusOK {
						t.Errorf("%d; log: %s", res.StatusCode, f.log)
					}
					f.recorded(t, 200)
				}
				f.idle(t)
			})
		}
	}
}
