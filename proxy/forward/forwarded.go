package forward

import (
	"bytes"

	"github.com/dynlb/dynlb/proxy/http1"
)

// claims is what a trusted proxy says about the client in its forwarded fields.
// What any other peer says there does not count.
type claims struct {
	fors        bool   // there is an X-Forwarded-For
	host, proto []byte // of the first X-Forwarded-Host and -Proto; empty: there is none
	hosts       bool   // there was an X-Forwarded-Host
	protos      bool   // there was an X-Forwarded-Proto
	prefix      []byte // of the first X-Forwarded-Prefix, if a part of the path is stripped
	replaced    bool   // an untrusted peer said something
	chain       chain  // what is known of Forwarded
}

var prefixField = []byte("X-Forwarded-Prefix")

// notePrefix takes in an X-Forwarded-Prefix, which the proxy continues.
func (c *claims) notePrefix(f *http1.Field) {
	if c.prefix == nil {
		c.prefix = bytes.TrimRight(f.Value, "/")
	}
}

// note takes in one of the three fields that the proxy writes itself. Of several
// hosts or schemes the first counts: it is the one closest to the client.
func (c *claims) note(f *http1.Field) {
	switch f.ID {
	case http1.FieldXForwardedFor:
		c.fors = true
	case http1.FieldXForwardedHost:
		if !c.hosts {
			c.hosts, c.host = true, f.Value
		}
	case http1.FieldXForwardedProto:
		if !c.protos {
			c.protos, c.proto = true, f.Value
		}
	default:
	}
}

// appendForwarded appends the fields that describe the client to the instance:
// X-Forwarded-For, which continues the one of a trusted proxy, X-Forwarded-Host
// and X-Forwarded-Proto, which keep what a trusted proxy says, and X-Forwarded-Prefix
// if a part of the path is stripped, which continues that of a trusted proxy too.
func appendForwarded(b []byte, r *http1.Request, from Peer, c claims) []byte {
	standard := c.standard()
	if standard {
		c.believe(r)
	}
	if from.IP != "" {
		b = append(b, "X-Forwarded-For: "...)
		switch {
		case c.fors:
			b = appendPrior(b, r)
		case standard:
			b = appendNodes(b, r)
		}
		b = append(append(b, from.IP...), "\r\n"...)
	}
	host := r.Host
	if len(c.host) > 0 {
		host = c.host
	}
	b = appendField(b, "X-Forwarded-Host: ", host)
	if from.Strip > 0 {
		b = append(append(b, "X-Forwarded-Prefix: "...), c.prefix...)
		b = append(append(b, r.Path[:from.Strip]...), "\r\n"...)
	}
	if len(c.proto) > 0 {
		return appendField(b, "X-Forwarded-Proto: ", c.proto)
	}
	b = append(append(b, "X-Forwarded-Proto: "...), from.Scheme...)
	return append(b, "\r\n"...)
}

// appendPrior appends the addresses in the X-Forwarded-For of a request, in the
// order of its field lines.
func appendPrior(b []byte, r *http1.Request) []byte {
	for i := range r.Fields {
		if f := &r.Fields[i]; f.ID == http1.FieldXForwardedFor {
			b = append(append(b, f.Value...), ", "...)
		}
	}
	return b
}

// isForwarded reports whether a name begins with X-Forwarded-. There are more
// such fields than the three that have an ID, -Port and -Prefix for example.
func isForwarded(name []byte) bool {
	const prefix = "x-forwarded-"
	return len(name) > len(prefix) && name[0]|0x20 == 'x' && bytes.EqualFold(name[:len(prefix)], []byte(prefix))
}
