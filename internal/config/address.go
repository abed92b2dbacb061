package config

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"

	"gopkg.in/yaml.v3"
)

// hostname is what a resolver may be asked for: letters, digits, dots and
// hyphens (RFC 1123, 2.1), and the underscore that is common in container
// networks.
var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

// numeric is what is meant to be an IPv4 address: no name ends in a label that is
// all digits (RFC 1123, 2.1).
var numeric = regexp.MustCompile(`^[0-9.]+$`)

// address reads a host:port to listen on. The host may be empty.
func address(field *string) decoder {
	return func(r *reader, at place, node *yaml.Node) {
		s, isText := text(node)
		host, port, ok := SplitAddress(s)
		if !isText || !ok {
			r.wrong(at, node, `host:port, such as ":4000" or "127.0.0.1:4000"`)
			return
		}
		*field = net.JoinHostPort(host, strconv.Itoa(port))
	}
}

// SplitAddress returns the parts of host:port, and whether it is one: a host that
// is empty, an IP address or a name, and the number of a port, 0 too.
func SplitAddress(s string) (host string, port int, ok bool) {
	host, number, err := net.SplitHostPort(s)
	port, isPort := parsePort(number)
	return host, port, err == nil && isPort && isHost(host)
}

func isHost(s string) bool {
	if s == "" || hostname.MatchString(s) && !numeric.MatchString(s) {
		return true
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

func parsePort(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err == nil
}

// override applies the variable PORT to the public listener, unless it is
// empty.
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

// overlap says whether one host:port keeps the other from being bound.
func overlap(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	if portA != portB || portA == "0" {
		return false
	}
	return hostA == hostB || covers(hostA, hostB) || covers(hostB, hostA)
}

// covers says whether host stands for other too: as a name or as the
// unspecified address, which for IPv6 takes IPv4 with it. Only names that mean
// the same everywhere are known.
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
	case errB != nil: // a name: it may be any address
		return a.IsUnspecified()
	case a.IsUnspecified():
		return a.Is6() || b.Is4()
	}
	return a == b
}
