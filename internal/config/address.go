package config

import (
	"net"
	"net/netip"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/pattern"
)

// hostname is a name to ask a resolver for: letters, digits, dots and hyphens
// (RFC 1123, 2.1), and the underscore that is common in container networks.
var hostname = pattern.New(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

// numeric is a text that is meant as an IPv4 address: no name ends in a label of
// digits only (RFC 1123, 2.1).
var numeric = pattern.New(`^[0-9.]+$`)

// address is a host:port to listen on. The host may be empty.
func address(field *string) Value {
	return Value{Kind: Address, decode: func(r *reader, at place, node *yaml.Node) {
		s, isText := text(node)
		host, port, ok := SplitAddress(s)
		if !isText || !ok {
			if port, isPort := parsePort(node.Value); isPort {
				r.problem(at, `must be host:port; write %s: ":%d"`, at.key, port)
				return
			}
			r.wrong(at, node, `host:port, such as ":4000" or "127.0.0.1:4000"`)
			return
		}
		*field = net.JoinHostPort(host, strconv.Itoa(port))
	}}
}

// SplitAddress returns the host and the port of s, and whether s is host:port: the
// host empty, an IP address or a name, and the port a number, which may be 0.
func SplitAddress(s string) (host string, port int, ok bool) {
	host, number, err := net.SplitHostPort(s)
	port, isPort := parsePort(number)
	return host, port, err == nil && isPort && isHost(host)
}

func isHost(s string) bool {
	if s == "" || hostname().MatchString(s) && !numeric().MatchString(s) {
		return true
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

func parsePort(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err == nil
}

// override gives the public listener the port of the variable PORT, unless that
// is empty.
func (r *reader) override(port string) {
	if port == "" {
		return
	}
	at := place{key: "PORT"}
	n, ok := parsePort(port)
	if !ok {
		r.problem(at, "must be a port from 0 to 65535; got %s in the environment", quote(port))
		r.bad["listen"] = true
		return
	}
	host, _, _ := net.SplitHostPort(r.config.Listen)
	r.config.Listen = net.JoinHostPort(host, strconv.Itoa(n))
	r.set["listen"] = at
}

// overlap reports whether a listener on one host:port keeps the other from being
// bound.
func overlap(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	if portA != portB || portA == "0" {
		return false
	}
	return hostA == hostB || covers(hostA, hostB) || covers(hostB, hostA)
}

// covers reports whether a listener on host accepts connections to other too. The
// unspecified address does, that of IPv6 for IPv4 as well. Of the names, only
// localhost is known: another one may mean any address.
func covers(host, other string) bool {
	if host == "" {
		return true
	}
	if other == "localhost" {
		other = "127.0.0.1"
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	a, errA := netip.ParseAddr(host)
	b, errB := netip.ParseAddr(other)
	switch {
	case errA != nil:
		return false
	case errB != nil: // a name, which may be any address
		return a.IsUnspecified()
	case a.IsUnspecified():
		return a.Is6() || b.Is4()
	}
	return a == b
}
