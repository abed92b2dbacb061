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

// Secured has Dial speak TLS with address.
func Secured(address string) { secured.Store(address, true) }

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
