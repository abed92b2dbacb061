package proxytest

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// peerDeadline bounds the life of a connection that Dial opens, so that a test fails
// where it waits in vain.
const peerDeadline = Patience

// Peer is a connection on which a test speaks HTTP by hand, from either side.
type Peer struct {
	net.Conn
	// R is what is read through. Reads from Conn miss what R has read ahead.
	R *bufio.Reader
}

// NewPeer returns a Peer that owns conn.
func NewPeer(conn net.Conn) *Peer { return &Peer{Conn: conn, R: bufio.NewReader(conn)} }

// Dial connects to address, over TLS if Secured was called for it. The connection is
// closed when the test ends.
func Dial(t testing.TB, address string) *Peer {
	t.Helper()
	if _, ok := secured.Load(address); ok {
		return DialTLS(t, address, ClientTLS("http/1.1"))
	}
	return DialTCP(t, address)
}

// DialTCP is Dial without TLS.
func DialTCP(t testing.TB, address string) *Peer {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(peerDeadline))
	return NewPeer(conn)
}

// Listen returns a listener on a free port of the loopback.
func Listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Script starts an instance that calls talk with each connection, and returns its
// address. The connection is closed when talk returns.
func Script(t testing.TB, talk func(c *Peer)) string {
	t.Helper()
	listen := Listen
	if OverUnix {
		listen = ListenUnix
	}
	l := listen(t)
	ScriptOn(t, l, talk)
	return l.Addr().String()
}

// ScriptOn is Script on a listener that the test has.
func ScriptOn(t testing.TB, l net.Listener, talk func(c *Peer)) {
	var talks sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	talks.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			talks.Go(func() {
				defer conn.Close()
				defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
				talk(NewPeer(conn))
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		talks.Wait()
	})
}

// Send writes text, in which \n stands for \r\n.
func (c *Peer) Send(text string) {
	_, _ = io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n"))
}

// CloseWrite ends the output; the input stays open.
func (c *Peer) CloseWrite() { _ = c.Conn.(interface{ CloseWrite() error }).CloseWrite() }

// Reset closes the connection so that the other side sees that this one is gone.
func (c *Peer) Reset() {
	reset(c.Conn)
}

// Head reads a head and returns its lines, or nil at the end of input.
func (c *Peer) Head() []string {
	var lines []string
	for {
		line, err := c.R.ReadString('\n')
		if err != nil {
			return nil
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			return lines
		}
		lines = append(lines, line)
	}
}

// FirstLine reads a head and returns its first line, or "" at the end of input.
func (c *Peer) FirstLine() string {
	lines := c.Head()
	if len(lines) == 0 {
		return ""
	}
	return lines[0]
}

// Response reads a response to a GET, and returns its status and content.
func (c *Peer) Response(t testing.TB) (status int, content string) {
	t.Helper()
	res, err := http.ReadResponse(c.R, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// Rest reads to the end of input.
func (c *Peer) Rest() string {
	b, _ := io.ReadAll(c.R)
	return string(b)
}

// WaitClosed returns when the other side has closed the connection.
func (c *Peer) WaitClosed() { _, _ = io.Copy(io.Discard, c.R) }
