package std

import (
	"net/http"
	"strings"

	"github.com/dynlb/dynlb/proxy/http1"
)

// errSplit says that a field of an HTTP/2 request would be more than one in HTTP/1.
var errSplit = &http1.Error{Status: http.StatusBadRequest, Reason: "line end in a header field"}

// appendHead appends the head of a request of HTTP/2 as HTTP/1.1 has it. Its content
// is chunked when its length is not known.
func appendHead(b []byte, r *http.Request) []byte {
	for _, s := range []string{r.Method, " ", r.RequestURI, " HTTP/1.1\r\nHost: ", r.Host, "\r\n"} {
		b = append(b, s...)
	}
	for name, values := range r.Header {
		if name == "Host" && repeatsHost(values, r.Host) {
			continue
		}
		for _, value := range values {
			b = appendLine(b, name, value)
		}
	}
	if r.ContentLength < 0 {
		b = appendLine(b, "Transfer-Encoding", "chunked")
	}
	return append(b, "\r\n"...)
}

func appendLine(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

// repeatsHost reports whether a Host field says what is known already: a client may
// send it in place of :authority, or with the same value (RFC 9113, 8.3.1).
func repeatsHost(values []string, host string) bool {
	return len(values) == 1 && strings.EqualFold(values[0], host)
}
