package proxytest

import (
	"crypto/tls"
	"net"
	"sync"
	"testing"
	"time"
)

// secured are the addresses of the proxies that speak TLS.
var secured sync.Map

// Secured has Dial speak TLS with address until the test ends: another one may get the
// port then.
func Secured(t testing.TB, address string) {
	secured.Store(address, true)
	t.Cleanup(func() { secured.Delete(address) })
}

// Over returns conn, a connection to address, with TLS if Secured was called for address.
// The first write does the handshake.
func Over(conn net.Conn, address string) net.Conn {
	if _, ok := secured.Load(address); ok {
		return tls.Client(conn, ClientTLS("http/1.1"))
	}
	return conn
}

// DialHTTP2 is Dial for a client of HTTP/2: over TLS it says so by ALPN.
func DialHTTP2(t testing.TB, address string) *Peer {
	t.Helper()
	if _, ok := secured.Load(address); ok {
		return DialTLS(t, address, ClientTLS("h2"))
	}
	return DialTCP(t, address)
}

// DialTLS is Dial over TLS. It does the handshake.
func DialTLS(t testing.TB, address string, config *tls.Config) *Peer {
	t.Helper()
	tcp, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	conn := tls.Client(tcp, config)
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(peerDeadline))
	if err := conn.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return NewPeer(conn)
}
