package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// v2 returns a header of version 2.
func v2(command, family byte, body string) string {
	b := append([]byte(signature2), version2|command, family)
	return string(binary.BigEndian.AppendUint16(b, uint16(len(body)))) + body
}

const (
	inet  = "\xc0\x00\x02\x01\x0a\x00\x00\x01\xdc\x04\x01\xbb"
	inet6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\xdc\x04\x01\xbb"
	tlv   = "\x01\x00\x02h2\x04\x00\x04\x00\x00\x00\x00" // ALPN, and a NOOP
)

var (
	v4 = netip.MustParseAddrPort("192.0.2.1:56324")
	v6 = netip.MustParseAddrPort("[2001:db8::1]:56324")
)

// headers are headers, and what they say.
var headers = []struct {
	name, text string
	want       Header
	err        error
}{
	{"v1 IPv4", "PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n", Header{Client: v4}, nil},
	{"v1 IPv6", "PROXY TCP6 2001:db8::1 ::1 56324 443\r\n", Header{Client: v6}, nil},
	{"v1 mapped", "PROXY TCP6 ::ffff:192.0.2.1 ::1 56324 443\r\n", Header{Client: v4}, nil},
	{"v1 unknown", "PROXY UNKNOWN\r\n", Header{Own: true}, nil},
	{"v1 unknown with addresses", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", Header{Own: true}, nil},
	{"v1 other family", "PROXY UDP4 192.0.2.1 10.0.0.1 56324 443\r\n", Header{}, ErrMalformed},
	{"v1 wrong family", "PROXY TCP6 192.0.2.1 10.0.0.1 56324 443\r\n", Header{}, ErrMalformed},
	{"v1 without ports", "PROXY TCP4 192.0.2.1 10.0.0.1\r\n", Header{}, ErrMalformed},
	{"v1 two spaces", "PROXY  TCP4 192.0.2.1 10.0.0.1 56324 443\r\n", Header{}, ErrMalformed},
	{"v1 port too large", "PROXY TCP4 192.0.2.1 10.0.0.1 65536 443\r\n", Header{}, ErrMalformed},
	{"v1 port with a zero", "PROXY TCP4 192.0.2.1 10.0.0.1 056 443\r\n", Header{}, ErrMalformed},
	{"v1 bad destination", "PROXY TCP4 192.0.2.1 x 56324 443\r\n", Header{}, ErrMalformed},
	{"v1 zone", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", Header{}, ErrMalformed},
	{"v1 endless", "PROXY TCP4 " + strings.Repeat("1", maxLine), Header{}, ErrMalformed},
	{"v2 IPv4", v2(commandPass, 0x11, inet), Header{Client: v4}, nil},
	{"v2 IPv4 with more", v2(commandPass, 0x11, inet+tlv), Header{Client: v4}, nil},
	{"v2 IPv6", v2(commandPass, 0x21, inet6+tlv), Header{Client: v6}, nil},
	{"v2 Unix", v2(commandPass, 0x31, strings.Repeat("\x00", unixSize)), Header{}, nil},
	{"v2 local", v2(commandOwn, 0x00, ""), Header{Own: true}, nil},
	{"v2 local with addresses", v2(commandOwn, 0x11, inet), Header{Own: true}, nil},
	{"v2 unspecified", v2(commandPass, 0x00, tlv), Header{Own: true}, nil},
	{"v2 datagrams", v2(commandPass, 0x12, inet), Header{Own: true}, nil},
	{"v2 short address", v2(commandPass, 0x11, inet[:11]), Header{}, ErrMalformed},
	{"v2 short IPv6", v2(commandPass, 0x21, inet6[:35]), Header{}, ErrMalformed},
	{"v2 short Unix", v2(commandPass, 0x31, strings.Repeat("\x00", unixSize-1)), Header{}, ErrMalformed},
	{"v2 other command", v2(2, 0x11, inet), Header{}, ErrMalformed},
	{"v2 other family", v2(commandPass, 0x41, inet), Header{}, ErrMalformed},
	{"v2 other transport", v2(commandPass, 0x13, inet), Header{}, ErrMalformed},
	{"v3", strings.Replace(v2(commandPass, 0x11, inet), "\x21", "\x31", 1), Header{}, ErrMalformed},
	{"v2 too large", v2(commandPass, 0x11, strings.Repeat("x", MaxSize)), Header{}, ErrTooLarge},
	{"a request", "GET / HTTP/1.1\r\n", Header{}, ErrMissing},
	{"TLS", "\x16\x03\x01", Header{}, ErrMissing},
	{"an empty line", "\r\nGET / HTTP/1.1\r\n", Header{}, ErrMissing},
}

// TestParse: each header is read, at once and byte by byte, and what follows it is left.
func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range headers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, after := range []string{"", "GET / HTTP/1.1\r\n"} {
				got, n, err := Parse([]byte(c.text + after))
				if got != c.want || !errors.Is(err, c.err) || err == nil && n != len(c.text) {
					t.Errorf("got %+v, %d, %v; want %+v, %d, %v", got, n, err, c.want, len(c.text), c.err)
				}
			}
			for i := range len(c.text) {
				_, n, err := Parse([]byte(c.text[:i]))
				if c.err == nil && (n != 0 || err != nil) {
					t.Errorf("after %d bytes: %d, %v", i, n, err)
				}
				if n == 0 && err == nil && i >= MaxSize {
					t.Errorf("more is wanted after %d bytes", i)
				}
			}
		})
	}
}

// FuzzParse: Parse reads no more than it has, finds the same in pieces, and wants no more
// than MaxSize bytes.
func FuzzParse(f *testing.F) {
	for _, c := range headers {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := Parse(b)
		if n < 0 || n > len(b) || n > MaxSize || n > 0 && err != nil {
			t.Fatalf("%d of %d bytes, %v", n, len(b), err)
		}
		if h.Own && h.Client.IsValid() || err != nil && h != (Header{}) {
			t.Errorf("%+v, %v", h, err)
		}
		if n == 0 && err == nil && len(b) >= MaxSize {
			t.Errorf("more is wanted after %d bytes", len(b))
		}
		if n > 0 {
			if again, m, err := Parse(bytes.Clone(b[:n])); again != h || m != n || err != nil {
				t.Errorf("without what follows: %+v, %d, %v; want %+v, %d", again, m, err, h, n)
			}
			if _, m, err := Parse(b[:n-1]); m != 0 || err != nil {
				t.Errorf("without the last byte: %d, %v", m, err)
			}
		}
	})
}

// TestConn: the address is that of the proxy until the client is known.
func TestConn(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := &Conn{TCPConn: conn.(*net.TCPConn)}
	if got := c.RemoteAddr().String(); got != l.Addr().String() {
		t.Errorf("before the header: %s", got)
	}
	c.SetClient(v4)
	if got := c.RemoteAddr().String(); got != v4.String() {
		t.Errorf("got %s, want %s", got, v4)
	}
	c.SetClient(netip.AddrPort{})
	if got := c.RemoteAddr(); got.Network() != "unix" {
		t.Errorf("without an address: %v %s", got, got)
	}
}
