package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/settings"
)

// announced are the settings of a proxy behind one that speaks the PROXY protocol.
var announced = settings.Settings{ProxyProtocol: true, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

// The headers of a client, and of a connection that is the proxy's own.
const (
	name1 = "PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n"
	name2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x11\xc0\x00\x02\x01\x0a\x00\x00\x01\xdc\x04\x01\xbb\x01\x00\x02h2"
	own2  = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	unix2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x31\x00\xd8"
)

// skipOverTLS skips a test whose clients send the header before they speak.
func skipOverTLS(t *testing.T) {
	t.Helper()
	if overTLS {
		t.Skip("TestProxyProtocolTLS has a header before the handshake")
	}
}

// announcing dials, and sends a header.
func announcing(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		_, err = io.WriteString(conn, name2)
	}
	return conn, err
}

// TestProxyProtocol: the instance, the log and the next proxy get the address of the
// client that a trusted peer names, however the header arrives.
func TestProxyProtocol(t *testing.T) {
	t.Parallel()
	skipOverTLS(t)
	const request = "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\n\r\n"
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: proxy.Options{Settings: announced}})
	for name, c := range map[string]struct{ header, want string }{
		"version 1":          {name1, "192.0.2.1"},
		"version 2":          {name2, "192.0.2.1"},
		"the proxy's own":    {own2, "127.0.0.1"},
		"unknown":            {"PROXY UNKNOWN\r\n", "127.0.0.1"},
		"without an address": {unix2 + strings.Repeat("\x00", 216), ""},
	} {
		for _, size := range []int{1 << 10, len(c.header), 1} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				conn := proxytest.Dial(t, f.address)
				text := c.header + request
				for text != "" {
					n := min(size, len(text))
					_, _ = io.WriteString(conn, text[:n])
					text = text[n:]
				}
				for range 2 { // the second request has no header
					res, err := http.ReadResponse(conn.R, nil)
					if err != nil {
						t.Fatal(err)
					}
					if got := seen(t, res).Header.Get("X-Forwarded-For"); got != c.want {
						t.Errorf("X-Forwarded-For is %q, want %q", got, c.want)
					}
					_, _ = io.WriteString(conn, request)
				}
			})
		}
	}
}

// TestProxyProtocolHandover: the address survives that another lane takes over.
func TestProxyProtocolHandover(t *testing.T) {
	t.Parallel()
	skipOverTLS(t)
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: proxy.Options{Settings: announced}})
	client := newClient(t, "http2")
	client.Transport.(*http.Transport).DialContext = announcing
	if got := seen(t, get(t, client, f.url)).Header.Get("X-Forwarded-For"); got != "192.0.2.1" {
		t.Errorf("X-Forwarded-For is %q", got)
	}
}

// TestProxyProtocolTLS: the header comes before the handshake.
func TestProxyProtocolTLS(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: proxy.Options{Settings: announced}, tls: true})
	conn, err := announcing(t.Context(), "tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	over := tls.Client(conn, proxytest.ClientTLS())
	defer func() { _ = over.Close() }()
	_, _ = io.WriteString(over, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(over), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := seen(t, res).Header; got.Get("X-Forwarded-For") != "192.0.2.1" || got.Get("X-Forwarded-Proto") != "https" {
		t.Errorf("got %v", got)
	}
}

// TestProxyProtocolMissing: a trusted peer that does not begin with a header, or not in
// time, is disconnected, and the log names the key.
func TestProxyProtocolMissing(t *testing.T) {
	t.Parallel()
	skipOverTLS(t)
	for name, text := range map[string]string{
		"a request": "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "malformed": "PROXY TCP4 x\r\n", "a part": "PROXY TCP4 192", "nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := announced
			s.HeadTimeout = 300 * time.Millisecond
			f := newProxy(t, setup{instances: []string{server(t, echo)}, options: proxy.Options{Settings: s}})
			c := proxytest.Dial(t, f.address)
			_, _ = io.WriteString(c, text)
			if rest, err := io.ReadAll(c.R); len(rest) > 0 {
				t.Errorf("got %q, %v", rest, err)
			}
			if log := f.log.String(); !strings.Contains(log, "see the key proxyProtocol") {
				t.Errorf("the log is %s", log)
			}
			if n := f.served()[0]; n != 0 {
				t.Errorf("%d requests reached the instance", n)
			}
		})
	}
}

// TestProxyProtocolUntrusted: any other peer is itself the client. It needs no header, and
// one that it sends is not read.
func TestProxyProtocolUntrusted(t *testing.T) {
	t.Parallel()
	s := announced
	s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: proxy.Options{Settings: s}})
	if got := seen(t, get(t, newClient(t, "http1"), f.url)).Header.Get("X-Forwarded-For"); got != "127.0.0.1" {
		t.Errorf("X-Forwarded-For is %q", got)
	}
	for _, header := range []string{name1, name2} {
		c := proxytest.Dial(t, f.address)
		_, _ = io.WriteString(c, header+"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		res, err := http.ReadResponse(c.R, nil)
		if err != nil || res.StatusCode != http.StatusBadRequest {
			t.Errorf("got %v, %v; want 400", res, err)
		}
	}
	if n := f.served()[0]; n != 1 {
		t.Errorf("%d requests reached the instance, want 1", n)
	}
}

// TestForwardedReplaced: the log names the key, once for each network, when what an
// untrusted peer says about its client is replaced.
func TestForwardedReplaced(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"X-Forwarded-For", "X-Forwarded-Port", "Forwarded", "X-Real-Ip"} {
		f := newProxy(t, setup{instances: []string{server(t, echo)}})
		client := newClient(t, "http1")
		readAll(t, get(t, client, f.url))
		if log := f.log.String(); strings.Contains(log, "trustedProxies") {
			t.Errorf("without a field the log is %s", log)
		}
		for range 3 {
			r := newRequest(t, http.MethodGet, f.url, nil)
			r.Header.Set(field, "1.2.3.4")
			readAll(t, do(t, client, r))
		}
		if log := f.log.String(); strings.Count(log, "trustedProxies") != 1 || !strings.Contains(log, "level=WARN") {
			t.Errorf("after %s the log is %s", field, log)
		}
	}
}
