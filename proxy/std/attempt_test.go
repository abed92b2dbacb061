package std

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/settings"
)

// TestUnsent: a request of which nothing could be sent is sent again, whatever its
// method and content.
func TestUnsent(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			arrived := make(chan string, 2)
			l := newLane(t, settings.Settings{}, nil)
			l.pool.dial = dialTo(t, answer(func(r *http.Request, content string) { arrived <- r.Method + content }))
			prove(l.pool.conduct.Of(instanceAt))
			c, far := net.Pipe()
			l.accept(far, func() {})
			ask(t, c, "GET / HTTP/1.1\nHost: a\n\n")
			<-arrived
			for _, u := range l.idle() {
				closeWrite(u.conn) // writing fails from now on, and nothing shows it before
			}
			ask(t, c, method+" / HTTP/1.1\nHost: a\nContent-Length: 8\n\nprecious")
			if got := <-arrived; got != method+"precious" {
				t.Errorf("the instance got %q", got)
			}
		})
	}
}

// idle returns the idle connections to the instance.
func (l *Lane) idle() []*upstream {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	return l.pool.hosts[instanceAt].idle
}

// ask sends a request on c, and reads a response, which must be a success.
func ask(t *testing.T, c net.Conn, request string) {
	t.Helper()
	if _, err := io.WriteString(c, crlf(request)); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("got %d, %v", res.StatusCode, err)
	}
	_ = res.Body.Close()
}

// dialTo returns a pool's dial that makes connections of TCP to an instance, which
// calls talk with each and does not close them when it returns.
func dialTo(t *testing.T, talk func(c net.Conn)) func(context.Context, registry.Endpoint) (net.Conn, error) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	go func() { // until the listener is closed
		defer close(done)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			go talk(c)
		}
	}()
	return func(ctx context.Context, _ registry.Endpoint) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
	}
}

// TestAddressOf: instances get the address of a client without its zone, which has a
// meaning on this machine only.
func TestAddressOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		addr net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.IPv4(1, 2, 3, 4), Port: 56}, "1.2.3.4"},
		{&net.TCPAddr{IP: net.ParseIP("::ffff:1.2.3.4"), Port: 56}, "1.2.3.4"},
		{&net.TCPAddr{IP: net.ParseIP("::1"), Port: 56}, "::1"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 56}, "fe80::1"},
		{&net.UnixAddr{Name: "@"}, ""},
	} {
		if got := addressOf(addressed{addr: c.addr}); got != c.want {
			t.Errorf("%v: %q, want %q", c.addr, got, c.want)
		}
	}
}

// addressed is a connection of which only the peer's address is known.
type addressed struct {
	net.Conn
	addr net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.addr }

// TestClosedOnce: a connection that is closed twice was still only one.
func TestClosedOnce(t *testing.T) {
	t.Parallel()
	l := newLane(t, settings.Settings{}, nil)
	near, far := net.Pipe()
	t.Cleanup(func() { _ = far.Close() })
	for range 2 {
		l.gate.enter(nil)
		l.clock.enter()
	}
	c := newConn(l, near, true, l.gate.leave)
	for range 3 {
		c.close()
	}
	if l.gate.open != 1 || l.clock.users != 1 {
		t.Errorf("%d open, %d use the clock, want 1", l.gate.open, l.clock.users)
	}
	l.clock.leave()
}

// TestRepeatsHost: see RFC 9113, 8.3.1.
func TestRepeatsHost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fields []string
		want   int // Host lines
	}{{nil, 1}, {[]string{"a.test"}, 1}, {[]string{"A.test"}, 1}, {[]string{"b.test"}, 2}, {[]string{"a.test", "a.test"}, 3}} {
		r := &http.Request{Method: http.MethodGet, RequestURI: "/", Host: "a.test", Header: http.Header{}}
		if c.fields != nil {
			r.Header["Host"] = c.fields
		}
		if got := strings.Count(string(appendHead(nil, r)), "Host: "); got != c.want {
			t.Errorf("%q: %d Host lines, want %d", c.fields, got, c.want)
		}
	}
}
