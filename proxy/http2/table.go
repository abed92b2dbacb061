package http2

import "unsafe"

// statics are the names in the static table that a response may have, each with its
// first index (RFC 7541, appendix A).
var statics = map[string]int{
	"accept-ranges": 18, "access-control-allow-origin": 20, "age": 21, "allow": 22, "cache-control": 24,
	"content-disposition": 25, "content-encoding": 26, "content-language": 27, "content-length": 28,
	"content-location": 29, "content-range": 30, "content-type": 31, "date": 33, "etag": 34, "expires": 36,
	"last-modified": 44, "link": 45, "location": 46, "proxy-authenticate": 48, "refresh": 52, "retry-after": 53,
	"server": 54, "set-cookie": 55, "strict-transport-security": 56, "transfer-encoding": 57, "vary": 59,
	"via": 60, "www-authenticate": 61,
}

// longestStatic is the length of the longest of these names.
const longestStatic = len("access-control-allow-origin")

// staticName returns the index of a name in the static table, in any case; 0: it is not
// there.
func staticName(name []byte) int {
	if len(name) > longestStatic {
		return 0
	}
	var lower [longestStatic]byte
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		lower[i] = c
	}
	return statics[string(lower[:len(name)])]
}

// text returns b as a string that is valid as long as b is not changed. Package hpack
// keeps none.
func text(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // G103: nothing keeps it
}
