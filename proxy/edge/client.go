package edge

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/dynlb/dynlb/proxy/http1"
)

// clientOf returns the address of the client that a request is from: that of the peer
// or, if the peer is a trusted proxy, the last address in X-Forwarded-For that is not
// of a trusted proxy, or without that field the last one in Forwarded. The client can write the addresses before that one.
func clientOf(r *http1.Request, from Peer) string {
	client := from.IP
	if !from.Settings.Trusts(client) {
		return client
	}
	if _, ok := r.LastXForwardedFor(); !ok {
		if node, ok := r.LastForwardedFor(); ok {
			if named, ok := parseAddress(node); ok {
				return named
			}
		}
		return client
	}
	for _, f := range slices.Backward(r.Fields) {
		if f.ID != http1.FieldXForwardedFor {
			continue
		}
		for list := f.Value; len(list) > 0; {
			cut := bytes.LastIndexByte(list, ',')
			named, ok := parseAddress(bytes.TrimSpace(list[cut+1:]))
			if !ok {
				return client
			}
			if client = named; !from.Settings.Trusts(client) {
				return client
			}
			list = list[:max(cut, 0)]
		}
	}
	return client
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
