package proxy_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// server starts an instance that h answers for, and returns its address.
func server(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.DisableGeneralOptionsHandler = true
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// script starts an instance that calls talk with each connection, and returns
// its address. The connection is closed when talk returns.
func script(t testing.TB, talk func(c *rawConn)) string {
	t.Helper()
	l := listen(t)
	scriptOn(t, l, talk)
	return l.Addr().String()
}

func scriptOn(t testing.TB, l net.Listener, talk func(c *rawConn)) {
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
				talk(&rawConn{Conn: conn, r: bufio.NewReader(conn)})
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		talks.Wait()
	})
}

// rawConn is a connection to speak HTTP on by hand, from either side.
type rawConn struct {
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, address string) *rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &rawConn{Conn: conn, r: bufio.NewReader(conn)}
}

// send writes text, in which \n stands for \r\n.
func (c *rawConn) send(text string) {
	_, _ = io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n"))
}

// head reads a head and returns its lines, or nil at the end of input.
func (c *rawConn) head() []string {
	var lines []string
	for {
		line, err := c.r.ReadString('\n')
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

// rest reads to the end of input.
func (c *rawConn) rest() string {
	b, _ := io.ReadAll(c.r)
	return string(b)
}

// reset closes the connection so that the peer sees that this side is gone.
func (c *rawConn) reset() {
	_ = c.Conn.(*net.TCPConn).SetLinger(0)
	_ = c.Conn.Close()
}

// waitClosed returns when the peer has closed the connection.
func (c *rawConn) waitClosed() { _, _ = io.Copy(io.Discard, c.r) }

// sight is what an instance saw of a request.
type sight struct {
	Method, Target, Host, Proto string
	Header                      http.Header
	Length                      int64
	Coding                      []string
	Body                        string
	Trailer                     http.Header
}

// echo is an instance that answers with what it saw.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = json.NewEncoder(w).Encode(sight{
		Method: r.Method, Target: r.RequestURI, Host: r.Host, Proto: r.Proto, Header: r.Header,
		Length: r.ContentLength, Coding: r.TransferEncoding, Body: string(body), Trailer: r.Trailer,
	})
}

func seen(t testing.TB, res *http.Response) sight {
	t.Helper()
	var s sight
	if err := json.Unmarshal([]byte(readAll(t, res)), &s); err != nil {
		t.Fatalf("status %d: %v", res.StatusCode, err)
	}
	return s
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// closedAddress returns an address that refuses connections: one that has a
// connection of its own, so that no other program listens there.
func closedAddress(t testing.TB) string {
	t.Helper()
	l := listen(t)
	t.Cleanup(func() { _ = l.Close() })
	return dial(t, l.Addr().String()).LocalAddr().String()
}

// addInstance makes address a ready instance.
func addInstance(t testing.TB, r *registry.Registry, address string) registry.ID {
	t.Helper()
	id := r.Add(registry.Spec{Endpoint: registry.Endpoint{Network: "tcp", Address: address}})
	if err := r.Transition(id, registry.Ready, fmt.Sprintf("test %s", t.Name())); err != nil {
		t.Fatal(err)
	}
	return id
}
