// Package forward decides what a message looks like on the other side of the
// proxy: a request as the instance gets it, a response as the client gets it. It
// is the one owner of these rules, for every lane:
//
//	Path              the path of a request, by which it is routed and recorded
//	AppendRequest     the head of a request, with the fields that describe the client
//	InsertHost        the same head for a client that named no host
//	AppendResponse    the head of a final response, framed for the client's version
//	AppendInterim     the head of an informational response (1xx)
//	AppendSwitch      the head of a 101 (Switching Protocols)
//	Switches          whether a 101 answers what the client asked for
//	Fields            the fields that pass, for a client of HTTP/2
//	Decode            the payload, taken out of its framing
//	AppendContent     payload in the framing of the other side
//	AppendTrailer     the end of chunked content, with its trailer section
//
// The package is pure: bytes in, bytes out. It knows no socket, no clock and no
// settings, and allocates nothing but what append needs. An HTTP/2 request is
// written as HTTP/1.1 and parsed by package http1 before it comes here, so each
// rule exists once.
//
// What does not pass, in either direction: hop-by-hop fields, and the fields
// that Connection names (RFC 9110, 7.6.1). Package http1 marks them; see
// http1.Field.
package forward

import (
	"bytes"

	"github.com/dynlb/dynlb/proxy/http1"
)

// appendField appends a field line. name ends with a colon and a space.
func appendField(b []byte, name string, value []byte) []byte {
	b = append(append(b, name...), value...)
	return append(b, "\r\n"...)
}

// appendSame appends a field line as it was received.
func appendSame(b []byte, f *http1.Field) []byte {
	b = append(append(b, f.Name...), ": "...)
	b = append(append(b, f.Value...), "\r\n"...)
	return b
}

// nextElement splits the first element off a comma-separated list (RFC 9110,
// 5.6.1). more reports whether there was a comma after it.
func nextElement(list []byte) (element, rest []byte, more bool) {
	element, rest, more = bytes.Cut(list, []byte(","))
	return bytes.Trim(element, " \t"), rest, more
}

// hasElement reports whether a comma-separated list has an element, in any case.
func hasElement(list, element []byte) bool {
	for more := true; more; {
		var next []byte
		next, list, more = nextElement(list)
		if bytes.EqualFold(next, element) {
			return true
		}
	}
	return false
}
