package proxy_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	h3 "github.com/quic-go/quic-go/http3"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// front3 is a proxy under test that speaks HTTP/3, too.
type front3 struct {
	*front
	url    string // of HTTP/3
	socket *net.UDPConn
	served chan error // gets the result of ServeHTTP3
}

// newProxy3 is newProxy with HTTP/3.
func newProxy3(t testing.TB, s setup) *front3 {
	t.Helper()
	s.tls = true
	f := &front3{front: newProxy(t, s)}
	f.listen3(t, "127.0.0.1:0")
	return f
}

// listen3 serves HTTP/3 on an address.
func (f *front3) listen3(t testing.TB, address string) {
	t.Helper()
	at, err := net.ResolveUDPAddr("udp", address)
	if err == nil {
		f.socket, err = net.ListenUDP("udp", at)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.url = "https://" + f.socket.LocalAddr().String()
	served := make(chan error, 1)
	f.served = served
	go func(socket *net.UDPConn) { served <- f.proxy.ServeHTTP3(socket) }(f.socket) // ends with the proxy
}

// end3 waits until the socket is no longer served.
func (f *front3) end3(t testing.TB) {
	t.Helper()
	select {
	case err := <-f.served:
		if err != nil {
			t.Errorf("ServeHTTP3: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("ServeHTTP3 goes on")
	}
}

// client3 returns a client of HTTP/3.
func client3(t testing.TB) *http.Client {
	t.Helper()
	rt := &h3.Transport{TLSClientConfig: proxytest.ClientTLS(), DisableCompression: true}
	t.Cleanup(func() { _ = rt.Close() })
	return &http.Client{Transport: rt}
}

// dial3 connects to the proxy.
func (f *front3) dial3(t testing.TB, config *tls.Config) (*quic.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if config == nil {
		config = proxytest.ClientTLS(h3.NextProtoH3)
	}
	conn, err := quic.DialAddr(ctx, f.socket.LocalAddr().String(), config, nil)
	if err == nil {
		t.Cleanup(func() { _ = conn.CloseWithError(0, "") })
	}
	return conn, err
}

// do3 sends a request, and returns its response.
func do3(t testing.TB, c *http.Client, r *http.Request, err error) *http.Response {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// shutDown3 shuts the proxy down, and returns its result later.
func (f *front3) shutDown3(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f.proxy.Shutdown(ctx) }()
	return done
}

// held is an instance whose requests wait until it is told to answer.
type held struct {
	arrived, release chan struct{}
}

func newHeld() *held { return &held{make(chan struct{}, 16), make(chan struct{})} }

func (h *held) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.arrived <- struct{}{}
	select {
	case <-h.release:
	case <-r.Context().Done():
		return
	}
	_, _ = w.Write([]byte("ok"))
}

// await waits until a request has arrived.
func (h *held) await(t testing.TB) {
	t.Helper()
	select {
	case <-h.arrived:
	case <-time.After(patience):
		t.Fatal("no request arrives")
	}
}
