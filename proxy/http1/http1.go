// Package http1 reads HTTP/1.1 messages strictly (RFC 9112). It is pure: bytes
// in, slices of them and a verdict out. It owns no socket, starts no goroutine,
// and allocates nothing for a message it accepts.
//
//	Request, Response   one head: Parse takes the bytes so far, and returns how
//	                    long the head is, that it needs more, or what is wrong
//	Head                what both have in common: fields, framing, persistence
//	Body                the content after a head: which bytes belong to the
//	                    message, which of them are payload, where it ends
//	Limits              how large each part may be
//	Error               why a message is refused, and the status to answer with
//
// A message is accepted only if there is one way to read it. Where RFC 9112
// allows a recipient to be lenient, with a bare LF or an obsolete line folding,
// this package is not: two programs may repair a message in different ways, and
// request smuggling relies on such differences (RFC 9112, 11.2).
//
// The verdict does not depend on how the bytes arrive. A message is read from
// left to right, reading stops at each limit, and the first violation counts. So
// a prefix that is refused stays refused whatever follows, and reading one byte
// at a time gives the same result as reading all at once.
//
// None of the types is safe for concurrent use.
package http1

// Preface is what an HTTP/2 client with prior knowledge sends first (RFC 9113,
// 3.4). Request refuses it as a request of an unsupported version, so check for
// it first.
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// HasPreface reports whether b begins with Preface, and if not, whether it may
// do so once more bytes have arrived.
func HasPreface(b []byte) (has, may bool) {
	n := min(len(b), len(Preface))
	match := string(b[:n]) == Preface[:n]
	return match && n == len(Preface), match && n < len(Preface)
}
