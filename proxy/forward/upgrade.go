package forward

import (
	"bytes"
	"iter"

	"github.com/dynlb/dynlb/proxy/http1"
)

// Switches reports whether a 101 (Switching Protocols) answers what the client
// asked for: asked is the value of its Upgrade, see Marks. The server may choose
// any of the protocols in that list, and several if one runs on top of another,
// but no other one (RFC 9110, 7.8). Names and versions match in any case.
func Switches(r *http1.Response, asked []byte) bool {
	list := r.Upgrade
	if len(list) == 0 || len(asked) == 0 {
		return false
	}
	for more := true; more; {
		var protocol []byte
		protocol, list, more = nextElement(list)
		if !hasElement(asked, protocol) {
			return false
		}
	}
	return true
}

// AppendSwitch appends the head of a 101 as the client gets it. Upgrade and the
// connection option are hop-by-hop; here they are what the response is about.
func AppendSwitch(b []byte, r *http1.Response) []byte {
	b, _ = appendResponseFields(appendStatus(b, r), r)
	b = append(b, "Connection: Upgrade\r\n"...)
	return append(appendField(b, "Upgrade: ", r.Upgrade), "\r\n"...)
}

// SwitchFields yields the fields of a 101 that a client of HTTP/2 gets with the 200 in its
// place: all but the answer to the key of a WebSocket, which HTTP/2 does not have (RFC
// 8441, 5).
func SwitchFields(r *http1.Response) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for name, value := range Fields(r) {
			if len(name) == len(acceptName) && bytes.EqualFold(name, acceptName) {
				continue
			}
			if !yield(name, value) {
				return
			}
		}
	}
}

var acceptName = []byte("sec-websocket-accept")
