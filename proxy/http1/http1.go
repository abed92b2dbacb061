// Package http1 reads HTTP/1.1 messages strictly (RFC 9112). It is pure: bytes
// in, slices of them and a verdict out. It owns no socket, starts no goroutine,
// and allocates nothing for a message it accepts.
//
//	Request, Response   one head: Parse takes the bytes so far, and says that it
//	                    needs more, how long the head is, or what is wrong
//	Head                what both have in common: fields, framing, persistence
//	Body                the content after a head: which bytes belong to the
//	                    message, which of them are payload, where it ends
//	Limits              how large all of it may be
//	Error               why a message is refused, and the status to answer with
//
// A message is accepted only if there is one way to read it. Where RFC 9112
// allows a recipient to be lenient, a bare LF or an obsolete line folding, this
// package is not: what one program repairs the next one may repair otherwise,
// and that difference is what request smuggling is made of (RFC 9112, 11.2).
//
// The verdict does not depend on how the bytes arrive. A message is read from
// left to right, each limit ends what is looked at, and the first violation
// counts; so a prefix that is refused stays refused whatever follows, and one
// byte at a time comes to the same as all at once.
//
// None of the types is safe for concurrent use.
package http1

// Preface is what an HTTP/2 client with prior knowledge sends first (RFC 9113,
// 3.4). To Request it is a malformed request of an unsupported version, so look
// for it before.
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// HasPreface reports whether b begins with Preface, and else whether it may
// once there is more of it.
func HasPreface(b []byte) (has, may bool) {
	n := min(len(b), len(Preface))
	match := string(b[:n]) == Preface[:n]
	return match && n == len(Preface), match && n < len(Preface)
}
