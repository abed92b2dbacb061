package edge

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/dynlb/dynlb/proxy/http1"
)

// clientOf returns the address of the client that a request is from: that of the peer
// or, if the peer is a trusted proxy, the last address in X-Forwarded-For that is not
// of a trusted proxy, or without that field the last one in Forwarded. The client can write
// the addresses before that one. known is false if a trusted proxy names its client in
// another form than by an address, such as "unknown": the client is then that proxy, for
// what needs any address.
func clientOf(r *http1.Request, from Peer) (client string, known bool) {
	client = from.IP
	if !from.Settings.Trusts(client) {
		return client, true
	}
	if _, ok := r.LastXForwardedFor(); !ok {
		return forwardedClient(r, client)
	}
	for _, f := range slices.Backward(r.Fields) {
		if f.ID != http1.FieldXForwardedFor {
			continue
		}
		for list := f.Value; len(list) > 0; {
			cut := bytes.LastIndexByte(list, ',')
			named, ok := parseAddress(bytes.TrimSpace(list[cut+1:]))
			if !ok {
				return client, false
			}
			if client = named; !from.Settings.Trusts(client) {
				return client, true
			}
			list = list[:max(cut, 0)]
		}
	}
	return client, true
}

// forwardedClient is clientOf for a request of a trusted proxy without X-Forwarded-For.
func forwardedClient(r *http1.Request, proxy string) (client string, known bool) {
	node, ok := r.LastForwardedFor()
	if named, parsed := parseAddress(node); ok && parsed {
		return named, true
	}
	says := slices.ContainsFunc(r.Fields, func(f http1.Field) bool { return f.ID == http1.FieldForwarded })
	return proxy, !says
}

// parseAddress returns an IP address of X-Forwarded-For in its usual form. Some
// proxies write a port behind it.
func parseAddress(text []byte) (string, bool) {
	ip, err := netip.ParseAddr(string(text))
	if err != nil {
		with, err := netip.ParseAddrPort(string(text))
		if err != nil {
			return "", false
		}
		ip = with.Addr()
	}
	return ip.Unmap().WithZone("").String(), true
}
