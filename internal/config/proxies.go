package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"gopkg.in/yaml.v3"
)

// prefixes is a list of networks. A bare address is a network of one.
func prefixes(field *[]netip.Prefix) Value {
	decode := func(r *reader, at place, node *yaml.Node) {
		if node.Kind != yaml.SequenceNode {
			r.wrong(at, node, "a list of networks, such as [10.0.0.0/8]")
			return
		}
		var list []netip.Prefix
		for i, item := range node.Content {
			here := at.item(i, item.Line)
			item = resolve(item)
			s, _ := text(item)
			prefix, err := parsePrefix(s)
			switch {
			case err != nil:
				r.wrong(here, item, "an address or a network, such as 10.1.2.3 or 10.0.0.0/8")
			case prefix.Addr().Is4In6():
				r.wrong(here, item, "an IPv4 network in IPv4 form, such as 10.0.0.0/8")
			case prefix != prefix.Masked():
				r.wrong(here, item, fmt.Sprintf("the network's first address; write %s or %s", prefix.Masked(), prefix.Addr()))
			default:
				list = append(list, prefix)
			}
		}
		*field = list
	}
	return Value{Kind: Networks, decode: decode}
}

// parsePrefix parses a network or a single address, without a zone.
func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	if addr.Zone() != "" {
		return netip.Prefix{}, errors.New("a zone has a meaning on its own machine only")
	}
	return addr.Prefix(addr.BitLen())
}
