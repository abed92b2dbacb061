package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// clientTLS is what clients speak TLS with. Nil: they speak plain HTTP. It is set before
// the first of them connects.
var clientTLS *tls.Config

// useTLS has clients speak TLS, and take the certificate of an authority of this machine.
func useTLS() {
	clientTLS = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // it is a test of what arrives, on loopback
}

// dial connects a client.
func dial(ctx context.Context, address string, timeout time.Duration) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: timeout}
	if clientTLS == nil {
		return dialer.DialContext(ctx, "tcp", address)
	}
	return (&tls.Dialer{NetDialer: dialer, Config: clientTLS}).DialContext(ctx, "tcp", address)
}

// scheme returns the scheme of URLs: http or ws, with an s for TLS.
func scheme(plain string) string {
	if clientTLS != nil {
		return plain + "s"
	}
	return plain
}

// newTransport returns a transport whose connections carry one request each, so that it
// sends none again.
func newTransport() *http.Transport {
	return &http.Transport{DisableKeepAlives: true, TLSClientConfig: clientTLS}
}
