package http1

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// The classes of bytes. A byte may be of several.
const (
	tokenByte   = 1 << iota // tchar (RFC 9110, 5.6.2)
	underscore              // _, which is a tchar
	targetByte              // allowed in a request target, see below
	hostByte                // allowed in the name of a host, see host.go
	hexByte                 // HEXDIG, of either case
	controlByte             // CTL except HTAB: never in a line (RFC 9110, 5.5)
)

// class holds the classes of each byte.
//
// A target may contain every visible character of US-ASCII except #: it begins a
// fragment, which a client does not send (RFC 9112, 3.2). RFC 3986 allows fewer
// characters, but browsers send |, {, ^ and others unencoded, and servers accept
// them.
var class = func() (c [256]uint8) {
	for b := range c {
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
		digit := b >= '0' && b <= '9'
		if letter || digit {
			c[b] |= tokenByte | hostByte
		}
		if digit || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F' {
			c[b] |= hexByte
		}
		if b > ' ' && b < 0x7f && b != '#' {
			c[b] |= targetByte
		}
		if b < ' ' && b != '\t' || b == 0x7f {
			c[b] |= controlByte
		}
	}
	for _, b := range []byte("!#$%&'*+-.^_`|~") {
		c[b] |= tokenByte
	}
	for _, b := range []byte("-._~") {
		c[b] |= hostByte
	}
	c['_'] |= underscore
	return c
}()

// indexControl returns the index of the first control character in b, HTAB
// included, or len(b). The largest part of a browser's head is field values, so
// it reads eight bytes at a time: in below and equal the high bit of a byte says
// that it is a control character, which is certain up to the first one.
func indexControl(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; len(b)-i >= 8; i += 8 {
		word := binary.LittleEndian.Uint64(b[i:])
		del := word ^ ones*0x7f // a byte is zero where it was DEL
		below, equal := (word-ones*' ')&^word, (del-ones)&^del
		if found := (below | equal) & highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(b); i++ {
		if b[i] < ' ' || b[i] == 0x7f {
			return i
		}
	}
	return i
}

// equalFold reports whether b equals lower, apart from the case of letters. lower
// consists of lower-case letters, digits and hyphens, and b has no control
// characters except HTAB, so that only letters can match by the change of case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// hasPrefixFold is equalFold for the beginning of b.
func hasPrefixFold(b []byte, lower string) bool {
	return len(b) >= len(lower) && equalFold(b[:len(lower)], lower)
}

// isToken reports whether b is a token (RFC 9110, 5.6.2).
func isToken(b []byte) bool {
	for _, c := range b {
		if class[c]&tokenByte == 0 {
			return false
		}
	}
	return len(b) > 0
}

// trim removes optional whitespace from both ends (RFC 9110, 5.6.3).
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// cutElement splits the first element off a comma-separated list (RFC 9110,
// 5.6.1). It may be empty. more tells whether there was a comma after it.
func cutElement(list []byte) (element, rest []byte, more bool) {
	element, rest, more = bytes.Cut(list, []byte(","))
	return trim(element), rest, more
}
