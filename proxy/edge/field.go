package edge

import (
	"strings"

	"github.com/dynlb/dynlb/proxy/http1"
)

// name is the name of a field, as it is sent and to be compared with.
type name struct {
	sent  []byte
	lower string
}

// newName returns a name. It is not set if text is "".
func newName(text string) name { return name{[]byte(text), strings.ToLower(text)} }

func (n *name) isSet() bool { return n.lower != "" }

// is reports whether a field has a name, which is in lower case.
func is(sent []byte, lower string) bool {
	if len(sent) != len(lower) {
		return false
	}
	for i, c := range sent {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// drop has the fields of a name not pass, and returns the value of the only one. ok
// reports whether there is exactly one.
func drop(h *http1.Head, n *name) (value []byte, ok bool) {
	count := 0
	for i := range h.Fields {
		if f := &h.Fields[i]; is(f.Name, n.lower) {
			f.Drop = true
			value = f.Value
			count++
		}
	}
	return value, count == 1
}

// has reports whether a field of a name passes.
func has(h *http1.Head, n *name) bool {
	for i := range h.Fields {
		if f := &h.Fields[i]; !f.Drop && is(f.Name, n.lower) {
			return true
		}
	}
	return false
}

// add appends a field to a head.
func add(h *http1.Head, n *name, value []byte) {
	h.Fields = append(h.Fields, http1.Field{Name: n.sent, Value: value})
}
