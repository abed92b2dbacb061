package edge

import (
	"encoding/hex"
	"math/rand/v2"

	"github.com/dynlb/dynlb/proxy/http1"
)

// maxID bounds the id that a trusted peer may give a request. The ids of tracing
// systems are shorter.
const maxID = 128

// identify gives a request its id: the one that a trusted peer has given it, or a new one
// of 128 random bits.
func (x *Exchange) identify(r *http1.Request, trusted bool) {
	n := &x.rules.requestID
	given, single := drop(&r.Head, n)
	if trusted && single && validID(given) {
		x.request.ID = x.keep(given)
	} else {
		x.request.ID = x.newID()
	}
	add(&r.Head, n, x.request.ID)
	x.added += len(n.sent) + len(x.request.ID) + len(": \r\n")
}

// validID reports whether an id is of visible ASCII, and not too long.
func validID(id []byte) bool {
	for _, c := range id {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return len(id) > 0 && len(id) <= maxID
}

// newID returns a new id. An id is no secret: that it is unique is enough.
func (x *Exchange) newID() []byte {
	var random [16]byte
	for i, half := range [2]uint64{rand.Uint64(), rand.Uint64()} {
		for j := range 8 {
			random[8*i+j] = byte(half >> (8 * j))
		}
	}
	start := len(x.text)
	x.text = hex.AppendEncode(x.text, random[:])
	return x.text[start:len(x.text):len(x.text)]
}

// ID returns the id of the request, or "".
func (x *Exchange) ID() string {
	if x == nil {
		return ""
	}
	return string(x.request.ID)
}
