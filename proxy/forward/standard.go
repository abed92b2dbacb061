package forward

import (
	"bytes"
	"net/netip"

	"github.com/dynlb/dynlb/proxy/http1"
)

// perAddress is how much longer an address becomes, at most, as an element of Forwarded:
// :: as for="[::]".
const perAddress = 6

// appendStandard appends a Forwarded field (RFC 7239) for the instance. It continues that
// of a trusted proxy, or says as such a field what the proxy has said by X-Forwarded-*.
func appendStandard(b []byte, r *http1.Request, from Peer, c claims) []byte {
	b = append(b, "Forwarded: "...)
	switch {
	case c.chain == chainPasses:
		for i := range r.Fields {
			if f := &r.Fields[i]; f.ID == http1.FieldForwarded {
				b = append(append(b, f.Value...), ", "...)
			}
		}
	case c.fors:
		b = appendConverted(b, r, c)
	}
	b = append(b, "for="...)
	if ip, err := netip.ParseAddr(from.IP); err == nil {
		b = appendNode(b, ip)
	} else {
		b = append(b, "unknown"...)
	}
	b = appendPair(b, ";host=", r.Host)
	return append(append(append(b, ";proto="...), from.Scheme...), "\r\n"...)
}

// appendConverted appends what a trusted proxy has said by X-Forwarded-For, -Host and -Proto
// as elements, with a comma after each. It appends nothing if an address is none.
func appendConverted(b []byte, r *http1.Request, c claims) []byte {
	start := len(b)
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.ID != http1.FieldXForwardedFor {
			continue
		}
		for rest, more := f.Value, true; more; {
			var address []byte
			address, rest, more = bytes.Cut(rest, []byte(","))
			ip, err := netip.ParseAddr(string(nodeOf(bytes.TrimSpace(address))))
			if err != nil {
				return b[:start]
			}
			first := len(b) == start
			b = appendNode(append(b, "for="...), ip)
			if first { // it is about the client
				b = appendPair(b, ";host=", c.host)
				b = appendPair(b, ";proto=", c.proto)
			}
			b = append(b, ", "...)
		}
	}
	return b
}

// appendNode appends an address in the form of a node (RFC 7239, 6).
func appendNode(b []byte, ip netip.Addr) []byte {
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.AppendTo(b)
	}
	return append(ip.AppendTo(append(b, `"[`...)), `]"`...)
}

// appendPair appends a value after its name, in quotes. It appends nothing if there is none,
// or if it would need a backslash or might be misread.
func appendPair(b []byte, name string, value []byte) []byte {
	if len(value) == 0 || bytes.ContainsAny(value, "\"\\ \t,;") {
		return b
	}
	return append(append(append(append(b, name...), '"'), value...), '"')
}
