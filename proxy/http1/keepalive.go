package http1

import "bytes"

// maxTimeout bounds the timeout of a Keep-Alive field, in seconds: a day.
const maxTimeout = 86400

// timeoutOf returns the timeout that a Keep-Alive field names, in seconds, at most
// maxTimeout; 0 if it names none. RFC 2068, 19.7.1.1, describes the field; unknown and
// malformed parameters are ignored.
func timeoutOf(v []byte) int {
	for more := true; more; {
		var param []byte
		param, v, more = cutElement(v)
		name, value, _ := bytes.Cut(param, []byte("="))
		if !equalFold(trim(name), "timeout") {
			continue
		}
		seconds := 0
		for _, c := range bytes.Trim(trim(value), `"`) {
			if c < '0' || c > '9' {
				return 0
			}
			seconds = min(10*seconds+int(c-'0'), maxTimeout)
		}
		return seconds
	}
	return 0
}
