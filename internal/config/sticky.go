package config

import (
	"gopkg.in/yaml.v3"
)

// Sticky says which requests go to the same instance.
type Sticky struct {
	// By is cookie, header or address. Empty: all requests go to any instance.
	By string
	// Header is the name of a field if By is header.
	Header string
	// Moved is the name of a field of responses, or "".
	Moved string
}

// stickyKey is the key of Sticky.
func stickyKey(s *Sticky) Key {
	return Key{
		Name: "sticky", Value: stickyValue(s), Example: "cookie", Change: AtOnce,
		Meaning: "Which requests go to the same instance, as long as that is ready and below `maxConcurrency`: `cookie` sets a signed one for each client, `{header: X-Session}` means those with the same value of a field, and `address` those of a client address. `{by: cookie, moved: X-Session-Moved}` has a response tell, in that field, that another instance has taken over. Unset: any instance.",
	}
}

// stickyValue is a word, or a mapping with the keys header, or by and moved.
func stickyValue(s *Sticky) Value {
	const want = "cookie, address, {header: X-Session}, or {by: cookie, moved: X-Session-Moved}"
	decode := func(r *reader, at place, node *yaml.Node) {
		switch word, ok := text(node); {
		case ok && (word == "cookie" || word == "address"):
			*s = Sticky{By: word}
			return
		case node.Kind != yaml.MappingNode:
			r.wrong(at, node, want)
			return
		}
		var own Sticky
		r.mapping(at.key+".", node, []Key{
			{Name: "by", Value: oneOf(&own.By, "cookie", "address")},
			{Name: "header", Value: fieldName(&own.Header)},
			{Name: "moved", Value: fieldName(&own.Moved)},
		})
		switch {
		case own.Header != "" && own.By == "" && own.Moved == "":
			own.By = "header"
		case own.By == "" || own.Header != "" || own.Moved != "" && own.By != "cookie":
			r.problem(at, "must be %s", want)
			return
		}
		*s = own
	}
	return Value{Kind: Session, decode: decode}
}
