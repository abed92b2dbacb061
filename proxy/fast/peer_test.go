//go:build linux

package fast

import (
	"bufio"
	"context"
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

func addInstance(t testing.TB, r *registry.Registry, address string) registry.ID {
	t.Helper()
	id := r.Add(registry.Spec{Endpoint: registry.Endpoint{Network: "tcp", Address: address}})
	if err := r.Transition(id, registry.Ready, "test"); err != nil {
		t.Fatal(err)
	}
	return id
}

// server starts an instance whose requests h answers.
func server(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// script starts an instance that calls talk with each connection.
func script(t testing.TB, talk func(c *peer)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
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
				talk(&peer{Conn: conn, r: bufio.NewReader(conn)})
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		talks.Wait()
	})
	return l.Addr().String()
}

// peer speaks HTTP by hand, on either side.
type peer struct {
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, address string) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &peer{Conn: conn, r: bufio.NewReader(conn)}
}

// send writes text, in which \n stands for \r\n.
func (c *peer) send(text string) {
	_, _ = io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n"))
}

func (c *peer) closeWrite() { _ = c.Conn.(*net.TCPConn).CloseWrite() }

// head reads a head, and returns its first line, or "" at the end.
func (c *peer) head() string {
	first := ""
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return ""
		}
		if line == "\r\n" {
			return first
		}
		if first == "" {
			first = strings.TrimSpace(line)
		}
	}
}

// response reads a response, and returns its status and body.
func (c *peer) response(t testing.TB) (int, string) {
	t.Helper()
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// rest reads to the end of input.
func (c *peer) rest() string {
	b, _ := io.ReadAll(c.r)
	return string(b)
}

// echo answers with method, target and body.
func echo(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, b)
}
