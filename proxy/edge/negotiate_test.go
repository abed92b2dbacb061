package edge

import (
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// TestCoding: the coding with the highest weight, and none for a client that names none.
func TestCoding(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]coding{
		"gzip, deflate, br, zstd":    zstdCoding, // Chromium
		"gzip, deflate, br":          brotliCoding,
		"gzip, deflate":              gzipCoding,
		"x-gzip":                     gzipCoding,
		"deflate":                    identity,
		"":                           identity,
		"identity":                   identity,
		"gzip;q=1.0, br;q=0.5":       gzipCoding,
		"GZIP;Q=0.1":                 gzipCoding,
		"gzip;q=0":                   identity,
		"zstd;q=0, *":                brotliCoding,
		"*":                          zstdCoding,
		"*;q=0":                      identity,
		"gzip;q=0.5, identity":       identity,
		"gzip;q=0.5, identity;q=0.5": gzipCoding,
		"gzip;q=0.5, identity;q=0":   gzipCoding,
		"gzip;q=2, br;q=0.001":       brotliCoding,
		"gzipped":                    identity,
		" , br ,":                    brotliCoding,
	} {
		if got := codingOf(&withField(t, "Accept-Encoding", accept).Head); got != want {
			t.Errorf("%q: %v, want %v", accept, got, want)
		}
	}
	if got := codingOf(&withField(t, "Accept-Encoding", "gzip\r\nCache-Control: a, No-Transform").Head); got != identity {
		t.Errorf("a client that allows no transformation gets %v", got)
	}
}

// TestMayCompress: what is not compressed, although its type could be.
func TestMayCompress(t *testing.T) {
	t.Parallel()
	const html, long = "Content-Type: text/html; charset=utf-8\n", "Content-Length: 1024\n"
	for head, want := range map[string]bool{
		"200\n" + html + long:                                      true,
		"200\n" + html + "Content-Length: 1023\n":                  false,
		"200\n" + html + "Transfer-Encoding: chunked\n":            true,
		"200\n" + html:                                             true,
		"404\n" + html + long:                                      true,
		"206\n" + html + long:                                      false,
		"304\n" + html + long:                                      false,
		"204\n" + html:                                             false,
		"200\n" + html + long + "Content-Encoding: gzip\n":         false,
		"200\n" + html + long + "content-encoding: identity\n":     true,
		"200\n" + html + long + "Cache-Control: no-transform\n":    false,
		"200\n" + html + long + "Content-Range: bytes 0-1/2\n":     false,
		"200\n" + html + long + "Repr-Digest: sha-256=:YQ==:\n":    false,
		"200\n" + html + long + "Content-Digest: sha-256=:YQ==:\n": false,
		"200\n" + html + long + "Content-MD5: YQ==\n":              false,
		"200\nContent-Type: Application/JSON\n" + long:             true,
		"200\nContent-Type: application/ld+json\n" + long:          true,
		"200\nContent-Type: image/svg+xml\n" + long:                true,
		"200\nContent-Type: image/png\n" + long:                    false,
		"200\nContent-Type: application/zip\n" + long:              false,
		"200\nContent-Type: application/grpc\n" + long:             false,
		"200\nContent-Type: text/event-stream\n":                   false,
		"200\n" + long:                                             false,
	} {
		r := http1.NewResponse(http1.Limits{})
		r.Reset(false, false)
		text := "HTTP/1.1 " + strings.Replace(head, "\n", " OK\n", 1) + "\n"
		if n, err := r.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n"))); n == 0 || err != nil {
			t.Fatalf("%q: %d, %v", head, n, err)
		}
		if got := mayCompress(r); got != want {
			t.Errorf("%q: %t, want %t", head, got, want)
		}
	}
}
