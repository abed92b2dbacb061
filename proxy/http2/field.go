package http2

import "math"

// The classes of bytes in names.
const (
	tokenByte = 1 << iota // tchar (RFC 9110, 5.6.2)
	upperByte             // a capital letter
)

var class = func() (c [256]uint8) {
	for b := range c {
		switch {
		case b >= 'A' && b <= 'Z':
			c[b] = tokenByte | upperByte
		case b >= 'a' && b <= 'z', b >= '0' && b <= '9':
			c[b] = tokenByte
		}
	}
	for _, b := range []byte("!#$%&'*+-.^_`|~") {
		c[b] = tokenByte
	}
	return c
}()

// isToken reports whether s is a token.
func isToken(s string) bool {
	for i := range len(s) {
		if class[s[i]]&tokenByte == 0 {
			return false
		}
	}
	return s != ""
}

// validName reports whether s is the name of a regular field: a token without capital
// letters (RFC 9113, 8.2).
func validName(s string) bool {
	for i := range len(s) {
		if class[s[i]] != tokenByte {
			return false
		}
	}
	return s != ""
}

// validValue reports whether s is the value of a field (RFC 9113, 8.2.1). It has nothing
// that ends a line in HTTP/1.1.
func validValue(s string) bool {
	if s == "" {
		return true
	}
	for i := range len(s) {
		if c := s[i]; c <= '\r' && (c == 0 || c == '\n' || c == '\r') {
			return false
		}
	}
	return !isSpace(s[0]) && !isSpace(s[len(s)-1])
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// parseLength reads a Content-Length.
func parseLength(s string) (int64, bool) {
	n := int64(0)
	for i := range len(s) {
		digit := int64(s[i]) - '0'
		if digit < 0 || digit > 9 || n > (math.MaxInt64-digit)/10 {
			return 0, false
		}
		n = 10*n + digit
	}
	return n, s != ""
}
