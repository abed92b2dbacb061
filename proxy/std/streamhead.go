package std

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/dynlb/dynlb/proxy/http1"
)

// errLineEnd reports that a field of an HTTP/2 request contains a line end.
var errLineEnd = &http1.Error{Status: http.StatusBadRequest, Reason: "line end in a header field"}

// appendHead writes the head of an HTTP/2 request as one of HTTP/1.1, for package http1
// to check, and appends it to b. If the length of the content is unknown, the head says
// that the content is chunked.
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
	if len(r.Trailer) > 0 { // net/http has taken the announcement out of the fields
		b = appendLine(b, "Trailer", strings.Join(slices.Sorted(maps.Keys(r.Trailer)), ", "))
	}
	if r.ContentLength < 0 {
		b = appendLine(b, "Transfer-Encoding", "chunked")
	}
	return append(b, "\r\n"...)
}

// appendLine appends a field line.
func appendLine(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

// repeatsHost reports whether a request has one Host field, and its value is host. A
// client may send such a field instead of :authority, or in addition to it (RFC 9113,
// 8.3.1).
func repeatsHost(values []string, host string) bool {
	return len(values) == 1 && strings.EqualFold(values[0], host)
}
