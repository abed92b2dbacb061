// Package proxyproto reads the header of the PROXY protocol, versions 1 and 2, with
// which a proxy that passes on bytes tells the address of its client:
// https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt
//
// Parse is pure, and takes a header in any pieces. Conn is a connection that shows the
// address of that client.
package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
)

// MaxSize is the size of the largest header that is read. Version 2 has room for more
// after the addresses; what proxies are known to send there has a few hundred bytes. It
// is the limit of nginx.
const MaxSize = 4096

// The sizes of the parts of a header.
const (
	maxLine   = 107 // of version 1, with its end (2.1)
	fixedSize = 16  // of version 2, before the addresses (2.2)
	inetSize  = 4 + 4 + 2 + 2
	inet6Size = 16 + 16 + 2 + 2
	unixSize  = 108 + 108
)

// The beginnings of a header.
const (
	signature1 = "PROXY "
	signature2 = "\r\n\r\n\x00\r\nQUIT\n"
)

// Errors of Parse.
var (
	// ErrMissing says that the bytes do not begin with a header.
	ErrMissing = errors.New("no header of the PROXY protocol")
	// ErrMalformed says that a header violates the protocol.
	ErrMalformed = errors.New("malformed header of the PROXY protocol")
	// ErrTooLarge says that a header has more than MaxSize bytes.
	ErrTooLarge = errors.New("header of the PROXY protocol too large")
)

// Header is what a proxy says about its client.
type Header struct {
	// Own tells that the connection is the proxy's own, such as a health check, or that
	// the proxy does not know its client: the peer is the client.
	Own bool
	// Client is the address of the client. It is not valid if Own, or if the client has
	// none, as on a Unix socket.
	Client netip.AddrPort
}

// Parse reads a header from b, which holds all bytes that have arrived. It returns the
// length of the header, or 0 without an error when b ends before the header does.
func Parse(b []byte) (h Header, n int, err error) {
	switch {
	case hasPrefix(b, signature2):
		return parse2(b)
	case hasPrefix(b, signature1):
		return parse1(b)
	default:
		return Header{}, 0, ErrMissing
	}
}

// hasPrefix reports whether b begins with prefix, or may when more bytes arrive.
func hasPrefix(b []byte, prefix string) bool {
	n := min(len(b), len(prefix))
	return string(b[:n]) == prefix[:n]
}

// parse1 reads "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443" CR LF.
func parse1(b []byte) (Header, int, error) {
	end := bytes.Index(b[:min(len(b), maxLine)], []byte("\r\n"))
	switch {
	case end < 0 && len(b) >= maxLine:
		return Header{}, 0, ErrMalformed
	case end < 0:
		return Header{}, 0, nil
	}
	words := bytes.Split(b[:end], []byte(" "))
	if string(words[1]) == "UNKNOWN" { // the rest of the line has no meaning
		return Header{Own: true}, end + 2, nil
	}
	family := string(words[1])
	if len(words) != 6 || family != "TCP4" && family != "TCP6" {
		return Header{}, 0, ErrMalformed
	}
	client, ok := parseAddress(family, words[2], words[4])
	if _, destination := parseAddress(family, words[3], words[5]); !ok || !destination {
		return Header{}, 0, ErrMalformed
	}
	return Header{Client: client}, end + 2, nil
}

// parseAddress reads an address and a port of version 1.
func parseAddress(family string, address, port []byte) (netip.AddrPort, bool) {
	ip, err := netip.ParseAddr(string(address))
	if err != nil || ip.Zone() != "" || ip.Is4() != (family == "TCP4") {
		return netip.AddrPort{}, false
	}
	number, err := strconv.ParseUint(string(port), 10, 16)
	if err != nil || len(port) > 1 && port[0] == '0' {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(number)), true
}

// The commands and families of version 2 (2.2).
const (
	version2    = 0x20
	commandOwn  = 0
	commandPass = 1
	familyNone  = 0
	familyInet  = 1
	familyInet6 = 2
	familyUnix  = 3
	overStream  = 1
)

// parse2 reads the binary form. What follows the addresses is skipped.
func parse2(b []byte) (Header, int, error) {
	if len(b) < fixedSize {
		return Header{}, 0, nil
	}
	command, family, transport := b[12]&0x0f, b[13]>>4, b[13]&0x0f
	length := int(binary.BigEndian.Uint16(b[14:]))
	end := fixedSize + length
	switch {
	case b[12]&0xf0 != version2 || command > commandPass || family > familyUnix || transport > 2:
		return Header{}, 0, ErrMalformed
	case end > MaxSize:
		return Header{}, 0, ErrTooLarge
	case len(b) < end:
		return Header{}, 0, nil
	case command == commandOwn || family == familyNone || transport != overStream:
		return Header{Own: true}, end, nil
	}
	body := b[fixedSize:end]
	switch {
	case family == familyInet && length >= inetSize:
		ip := netip.AddrFrom4([4]byte(body))
		return Header{Client: netip.AddrPortFrom(ip, binary.BigEndian.Uint16(body[8:]))}, end, nil
	case family == familyInet6 && length >= inet6Size:
		ip := netip.AddrFrom16([16]byte(body)).Unmap()
		return Header{Client: netip.AddrPortFrom(ip, binary.BigEndian.Uint16(body[32:]))}, end, nil
	case family == familyUnix && length >= unixSize:
		return Header{}, end, nil
	default:
		return Header{}, 0, ErrMalformed
	}
}
