package proxy_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	h3 "github.com/quic-go/quic-go/http3"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/settings"
)

// TestHTTP3Shutdown checks that a shutdown waits for a request of HTTP/3, and refuses new
// clients at once.
func TestHTTP3Shutdown(t *testing.T) {
	t.Parallel()
	app := newHeld()
	f := newProxy3(t, setup{instances: []string{server(t, app.ServeHTTP)}})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan string, 1)
	c := client3(t)
	go func() {
		res, err := c.Do(r)
		if err != nil {
			answered <- err.Error()
			return
		}
		body, err := io.ReadAll(res.Body)
		answered <- string(body) + errorText(err)
	}()
	app.await(t)
	done := f.shutDown3(t.Context())
	f.refuses3(t)
	select {
	case err := <-done:
		t.Fatalf("Shutdown has not waited: %v", err)
	default:
	}
	close(app.release)
	if got := <-answered; got != "ok" {
		t.Errorf("got %q", got)
	}
	if err := <-done; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	f.end3(t)
}

// errorText returns the text of an error, "" for nil.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// refuses3 waits until a new client is refused, and checks that it learns that from an
// answer.
func (f *front3) refuses3(t testing.TB) {
	t.Helper()
	for over := time.Now().Add(patience); ; {
		conn, err := f.dial3(t, nil)
		if refused, ok := errors.AsType[*quic.TransportError](err); ok && refused.ErrorCode == quic.ConnectionRefused {
			return
		}
		if err != nil {
			t.Fatalf("error %v", err)
		}
		_ = conn.CloseWithError(0, "")
		if time.Now().After(over) {
			t.Fatal("new clients are accepted")
		}
	}
}

// TestHTTP3Cut checks that a request without a response gets a 503 when the time for
// draining is over.
func TestHTTP3Cut(t *testing.T) {
	t.Parallel()
	app := newHeld()
	f := newProxy3(t, setup{instances: []string{server(t, app.ServeHTTP)}})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, code := client3(t), make(chan int, 1)
	go func() {
		res, err := c.Do(r)
		if err != nil {
			t.Error(err)
			code <- 0
			return
		}
		_ = res.Body.Close()
		code <- res.StatusCode
	}()
	app.await(t)
	over, cancel := context.WithCancel(t.Context())
	done := f.shutDown3(over)
	f.refuses3(t)
	cancel()
	if got := <-code; got != http.StatusServiceUnavailable {
		t.Errorf("status %d", got)
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "1 cut off") {
		t.Errorf("Shutdown: %v", err)
	}
	f.end3(t)
}

// TestHTTP3Leave checks that a socket that is left serves its requests to their end, and is
// closed then, and that it can be opened again. Clients of TCP notice nothing.
func TestHTTP3Leave(t *testing.T) {
	t.Parallel()
	app := newHeld()
	f := newProxy3(t, setup{instances: []string{server(t, app.ServeHTTP)}})
	c, address := client3(t), f.socket.LocalAddr().String()
	answered := make(chan error, 1)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		res, err := c.Do(r)
		if err == nil {
			_, err = io.ReadAll(res.Body)
		}
		answered <- err
	}()
	app.await(t)
	f.proxy.LeaveHTTP3(f.socket)
	f.refuses3(t)
	close(app.release)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	f.end3(t)
	f.listen3(t, address)
	do3(t, c, r, nil)
	overTCP := proxytest.DialTLS(t, f.address, proxytest.ClientTLS("http/1.1"))
	overTCP.Send("GET / HTTP/1.1\nHost: a\n\n")
	overTCP.Response(t)
}

// TestHTTP3LeaveIdle checks that a socket is closed at once when there is no client, and
// soon when all of them are idle.
func TestHTTP3LeaveIdle(t *testing.T) {
	t.Parallel()
	f := newProxy3(t, setup{instances: []string{server(t, echo)}})
	f.proxy.LeaveHTTP3(f.socket)
	f.end3(t)
	f.listen3(t, "127.0.0.1:0")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url, nil)
	_ = readAll(t, do3(t, client3(t), r, err))
	f.proxy.LeaveHTTP3(f.socket)
	f.end3(t)
}

// TestHTTP3LastResponses checks that clients are asked to leave with the response once
// responses end their connections, and come again.
func TestHTTP3LastResponses(t *testing.T) {
	t.Parallel()
	f := newProxy3(t, setup{instances: []string{server(t, echo)}})
	f.proxy.EndKeepAlive()
	c := client3(t)
	for range 3 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url, nil)
		res := do3(t, c, r, err)
		_ = readAll(t, res)
		eventually(t, "the connection is closed", func() bool { return f.proxy.OpenConnections() == 0 })
	}
}

// TestHTTP3Idle checks that a connection without a request is closed after the idle
// timeout.
func TestHTTP3Idle(t *testing.T) {
	t.Parallel()
	f := newProxy3(t, setup{options: proxy.Options{Settings: settings.Settings{IdleTimeout: soon}}, instances: []string{server(t, echo)}})
	conn, err := f.dial3(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-conn.Context().Done():
		closed, ok := errors.AsType[*quic.ApplicationError](context.Cause(conn.Context()))
		if !ok || closed.ErrorCode != quic.ApplicationErrorCode(h3.ErrCodeNoError) {
			t.Errorf("closed with %v", context.Cause(conn.Context()))
		}
	case <-time.After(patience):
		t.Error("the connection stays")
	}
}

// TestHTTP3MaxConnections checks that connections of HTTP/3 count, and that a client is
// refused when there is no room.
func TestHTTP3MaxConnections(t *testing.T) {
	t.Parallel()
	f := newProxy3(t, setup{options: proxy.Options{Settings: settings.Settings{MaxConnections: 2}}, instances: []string{server(t, echo)}})
	first, err := f.dial3(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	proxytest.DialTLS(t, f.address, proxytest.ClientTLS("http/1.1"))
	if n := f.proxy.OpenConnections(); n != 2 {
		t.Errorf("%d connections are open", n)
	}
	if _, err := f.dial3(t, nil); err == nil {
		t.Error("a third client is accepted")
	}
	_ = first.CloseWithError(0, "")
	eventually(t, "the connection is closed", func() bool { return f.proxy.OpenConnections() == 1 })
	if _, err := f.dial3(t, nil); err != nil {
		t.Error(err)
	}
}

// TestHTTP3NoEarlyData checks that a session is resumed, and that nothing is taken of a
// client that sends before the handshake is done.
func TestHTTP3NoEarlyData(t *testing.T) {
	t.Parallel()
	f := newProxy3(t, setup{instances: []string{server(t, echo)}})
	config := proxytest.ClientTLS(h3.NextProtoH3)
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for i := range 2 {
		conn, err := quic.DialAddrEarly(t.Context(), f.socket.LocalAddr().String(), config, nil)
		if err != nil {
			t.Fatal(err)
		}
		<-conn.HandshakeComplete()
		if s := conn.ConnectionState(); s.Used0RTT || s.TLS.DidResume != (i > 0) {
			t.Errorf("connection %d: early data %v, resumed %v", i, s.Used0RTT, s.TLS.DidResume)
		}
		if _, err := conn.AcceptUniStream(t.Context()); err != nil { // the ticket came before
			t.Error(err)
		}
		_ = conn.CloseWithError(0, "")
	}
	if n := f.proxy.Handshakes(); n.Full != 1 || n.Resumed != 1 {
		t.Errorf("handshakes %+v", n)
	}
}

// TestHTTP3ProcessGone checks that a client learns at once that the process that had its
// connection is gone, from the one that has the port now.
func TestHTTP3ProcessGone(t *testing.T) {
	t.Parallel()
	key := [32]byte{1}
	s := setup{tls: true, options: proxy.Options{ResetKey: key}, instances: []string{server(t, echo)}}
	f := newProxy3(t, s)
	from, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	client := &quic.Transport{Conn: from} // has connection ids, without which it heeds no resets
	t.Cleanup(func() { _ = client.Close(); _ = from.Close() })
	conn, err := client.Dial(t.Context(), f.socket.LocalAddr(), proxytest.ClientTLS(h3.NextProtoH3), nil)
	if err != nil {
		t.Fatal(err)
	}
	over := (&h3.Transport{}).NewClientConn(conn)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := over.RoundTrip(r); err != nil { // the handshake is confirmed, too
		t.Fatal(err)
	} else {
		_ = readAll(t, res)
	}
	// The present socket stays without packets, as if its process were gone.
	address := f.socket.LocalAddr().(*net.UDPAddr)
	_ = f.socket.Close()
	if err := <-f.served; err == nil {
		t.Error("the socket is closed, and ServeHTTP3 has no error")
	}
	next := &front3{front: newProxy(t, s)}
	next.listen3(t, address.String())
	if res, err := over.RoundTrip(r); err == nil {
		t.Errorf("status %d on a connection that is gone", res.StatusCode)
	}
	if _, ok := errors.AsType[*quic.StatelessResetError](context.Cause(conn.Context())); !ok {
		t.Errorf("closed with %v", context.Cause(conn.Context()))
	}
}
