package http1

import "bytes"

// Forwarder is what one proxy says in a Forwarded field about the message that it got
// (RFC 7239, 4). A part that it does not say is nil.
type Forwarder struct {
	// For is the node that sent the message: an address, without brackets and port, or
	// a word such as unknown.
	For []byte
	// Host is the host that the message was for, and Proto the scheme.
	Host, Proto []byte
}

// NextForwarder returns the first element of the value of a Forwarded field, and the
// elements behind it. It reports false when the value is empty or malformed.
func NextForwarder(value []byte) (f Forwarder, rest []byte, ok bool) {
	b := bytes.TrimLeft(value, " \t")
	for ok = len(b) > 0; ok; {
		var name, pair []byte
		if name, b, ok = bytes.Cut(b, []byte("=")); !ok || !isToken(name) {
			return Forwarder{}, nil, false
		}
		if pair, b, ok = forwardedValue(b); !ok {
			return Forwarder{}, nil, false
		}
		switch {
		case bytes.EqualFold(name, []byte("for")):
			f.For = nodeName(pair)
		case bytes.EqualFold(name, []byte("host")):
			f.Host = pair
		case bytes.EqualFold(name, []byte("proto")):
			f.Proto = pair
		}
		b = bytes.TrimLeft(b, " \t")
		switch {
		case len(b) == 0:
			return f, nil, true
		case b[0] == ',':
			return f, b[1:], true
		case b[0] != ';':
			return Forwarder{}, nil, false
		}
		b = bytes.TrimLeft(b[1:], " \t")
		ok = len(b) > 0
	}
	return Forwarder{}, nil, false
}

// forwardedValue reads a token or a quoted string at the beginning of b. Colons are
// accepted in a token, as some proxies write an address without quotes. A quoted string
// with a backslash is not accepted: no value needs one.
func forwardedValue(b []byte) (value, rest []byte, ok bool) {
	if len(b) > 0 && b[0] == '"' {
		end := bytes.IndexByte(b[1:], '"')
		if end < 0 {
			return nil, nil, false
		}
		value, rest = b[1:1+end], b[end+2:]
		return value, rest, !bytes.ContainsAny(value, "\\ \t,;")
	}
	end := bytes.IndexAny(b, ",; \t")
	if end < 0 {
		end = len(b)
	}
	value = b[:end]
	return value, b[end:], len(value) > 0 && bytes.IndexByte(value, '"') < 0
}

// nodeName returns a node without its port and brackets.
func nodeName(node []byte) []byte {
	if len(node) > 0 && node[0] == '[' {
		name, _, _ := bytes.Cut(node[1:], []byte("]"))
		return name
	}
	if bytes.Count(node, []byte(":")) == 1 {
		name, _, _ := bytes.Cut(node, []byte(":"))
		return name
	}
	return node
}

// LastForwardedFor returns the node that the last proxy names as its client in the
// Forwarded fields of a request, or nil. ok reports whether all of them are well-formed,
// and there is one.
func (r *Request) LastForwardedFor() (node []byte, ok bool) {
	for i := range r.Fields {
		if r.Fields[i].ID != FieldForwarded {
			continue
		}
		for rest := r.Fields[i].Value; ; {
			var f Forwarder
			if f, rest, ok = NextForwarder(rest); !ok {
				return nil, false
			}
			if node = f.For; len(rest) == 0 {
				break
			}
		}
	}
	return node, ok
}

// LastXForwardedFor returns the last address in X-Forwarded-For. ok reports whether there
// is such a field.
func (r *Request) LastXForwardedFor() (address []byte, ok bool) {
	for i := len(r.Fields) - 1; i >= 0; i-- {
		if f := &r.Fields[i]; f.ID == FieldXForwardedFor {
			return bytes.TrimSpace(f.Value[bytes.LastIndexByte(f.Value, ',')+1:]), true
		}
	}
	return nil, false
}
