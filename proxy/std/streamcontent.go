package std

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// findContent finds out whether a request of HTTP/3 that names no length has content, if
// its method seldom has: the head does not tell, as it does in HTTP/2, and the instance would
// get a GET with chunked content. A client ends such a request in the packet of its head.
func (s *stream) findContent() *http1.Error {
	r := s.request
	if s.session == nil || r.ContentLength >= 0 || !seldomHasContent(r.Method) {
		return nil
	}
	b := getBuffer(smallSize)
	defer putBuffer(b)
	_ = s.control.SetReadDeadline(time.Now().Add(s.rules.HeadTimeout)) // the read reports the error
	n, err := 0, error(nil)
	for range maxEmptyReads { // one of a trailer section returns nothing
		if n, err = r.Body.Read(b); n > 0 || err != nil {
			break
		}
	}
	_ = s.control.SetReadDeadline(noDeadline)
	switch {
	case n > 0:
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(bytes.Clone(b[:n])), r.Body), r.Body}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return policy.ErrSlowHead
	default: // its end, or that of the connection
		r.Body, r.ContentLength = http.NoBody, 0
	}
	return nil
}

// seldomHasContent reports whether a method gives content no meaning (RFC 9110, 9.3).
func seldomHasContent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions, http.MethodTrace:
		return true
	default:
		return false
	}
}
