package proxy_test

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// webSockets are upgrades of HTTP/1.1 as a client of HTTP/2 makes them (RFC 8441): an
// extended CONNECT, whose stream carries the bytes.
type webSockets struct{ transport http.RoundTripper }

// newWebSockets returns a client whose connections speak HTTP/2.
func newWebSockets(t testing.TB) webSockets {
	t.Helper()
	dial := func(ctx context.Context, network, address string, config *tls.Config) (net.Conn, error) {
		if overTLS {
			return (&tls.Dialer{Config: config}).DialContext(ctx, network, address)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	//nolint:staticcheck // http.Transport refuses :protocol
	transport := &http2.Transport{AllowHTTP: true, TLSClientConfig: proxytest.ClientTLS(), DialTLSContext: dial}
	t.Cleanup(transport.CloseIdleConnections) //nolint:staticcheck // see above
	return webSockets{transport}
}

// RoundTrip carries an upgrade, and returns a 101 in place of the 200.
func (w webSockets) RoundTrip(r *http.Request) (*http.Response, error) {
	key := r.Header.Get("Sec-Websocket-Key")
	output, input := io.Pipe()
	c := r.Clone(r.Context())
	c.Method, c.Body, c.ContentLength = http.MethodConnect, output, -1
	c.Header[":protocol"] = []string{strings.ToLower(r.Header.Get("Upgrade"))}
	for _, name := range []string{"Connection", "Upgrade", "Sec-Websocket-Key"} {
		c.Header.Del(name)
	}
	res, err := w.transport.RoundTrip(c)
	if err != nil || res.StatusCode != http.StatusOK {
		_ = input.Close()
		return res, err
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455, 4.2.2
	if got := res.Header["Sec-Websocket-Accept"]; got != nil {
		return nil, errors.New("the response has the accept field of HTTP/1.1")
	}
	res.StatusCode = http.StatusSwitchingProtocols
	res.Header.Set("Connection", "Upgrade")
	res.Header.Set("Upgrade", "websocket")
	res.Header.Set("Sec-Websocket-Accept", base64.StdEncoding.EncodeToString(sum[:]))
	res.Body = duplex{res.Body, input}
	return res, nil
}

// duplex is a stream of HTTP/2 as a connection.
type duplex struct {
	io.ReadCloser
	input *io.PipeWriter
}

func (d duplex) Write(b []byte) (int, error) { return d.input.Write(b) }

func (d duplex) Close() error {
	_ = d.input.Close()
	return d.ReadCloser.Close()
}

// stream opens a stream that has switched to the WebSocket protocol.
func (w webSockets) stream(t testing.TB, url string) duplex {
	t.Helper()
	r := newRequest(t, http.MethodGet, url, nil)
	r.Header = http.Header{"Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}}
	res, err := w.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %d", res.StatusCode)
	}
	return res.Body.(duplex)
}
