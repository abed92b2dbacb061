package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"gopkg.in/yaml.v3"
)

// clientKeys are about clients.
func clientKeys(c *Config) []Key {
	return []Key{
		{
			Name: "trustedProxies", Value: prefixes(&c.TrustedProxies), Default: "[]", Change: AtOnce,
			Meaning: "The addresses and networks whose `X-Forwarded-*` and `Forwarded` fields are believed, such as `10.0.0.0/8`. `loopback` stands for 127.0.0.0/8 and ::1, `private` for 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and fc00::/7.",
		},
		{
			Name: "proxyProtocol", Value: boolean(&c.ProxyProtocol), Default: "false", Change: AtOnce,
			Meaning: "Whether each connection of a peer in `trustedProxies` begins with a header of the PROXY protocol, version 1 or 2, which has the address of the client. One without is closed.",
		},
		{
			Name: "underscoreFields", Value: boolean(&c.UnderscoreFields), Default: "false", Change: AtOnce,
			Meaning: "Whether request fields with an underscore in the name, such as `X_Api_Key`, reach the app. Apps behind WSGI or CGI take the underscore for a hyphen. Names such as `X_Forwarded_For` never pass.",
		},
	}
}

// namedNetworks are networks by name.
var namedNetworks = map[string][]string{
	"loopback": {"127.0.0.0/8", "::1/128"},
	"private":  {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}, // RFC 1918, RFC 4193
}

// prefixes is a list of networks, by words too. A bare address is a network of one.
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
			if networks, ok := namedNetworks[s]; ok {
				for _, network := range networks {
					list = append(list, netip.MustParsePrefix(network))
				}
				continue
			}
			prefix, err := parsePrefix(s)
			switch {
			case s == "localhost":
				r.wrong(here, item, "an address or a network; write loopback")
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
