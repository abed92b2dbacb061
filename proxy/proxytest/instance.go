package proxytest

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
)

// instance starts an instance, and returns its address.
func (t *talk) instance(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listeners = append(t.listeners, l)
	t.talks.Go(func() { // ends with close
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.mu.Lock()
			if t.closed {
				_ = c.Close()
			}
			t.conns[c] = struct{}{}
			if len(t.conns)%3 == 0 {
				_ = c.(*net.TCPConn).SetReadBuffer(smallBuffer)
			}
			t.mu.Unlock()
			t.talks.Go(func() { t.serve(c) })
		}
	})
	return l.Addr().String(), nil
}

// serve answers the requests on a connection. It reads them with net/http.
func (t *talk) serve(c net.Conn) {
	defer func() {
		_ = c.Close()
		t.mu.Lock()
		delete(t.conns, c)
		t.mu.Unlock()
	}()
	b := bufio.NewReader(&patient{c, c})
	for {
		q, err := http.ReadRequest(b)
		if err != nil {
			return
		}
		p := t.arrived(q.Header.Get("X-Id"))
		if p == nil {
			t.fail(nil, "an unknown request arrived: %q %q", q.Method, q.RequestURI)
			return
		}
		t.check(p, q)
		if !t.answer(c, p, q) {
			return
		}
	}
}

// check compares a request that arrived with its plan.
func (t *talk) check(p *plan, q *http.Request) {
	if q.Method != p.method || q.RequestURI != p.target() || q.Host != "talk.test" {
		t.fail(p, "arrived as %s %s for %s", q.Method, q.RequestURI, q.Host)
	}
	if q.Header.Get("X-Hop") != "" {
		t.fail(p, "X-Hop arrived")
	}
	if v := q.Header["X-Forwarded-For"]; len(v) != 1 || v[0] != "127.0.0.1" {
		t.fail(p, "X-Forwarded-For is %q", v)
	}
	t.mu.Lock()
	n := p.arrived
	t.mu.Unlock()
	if n > p.arrivals() {
		t.fail(p, "it arrived %d times", n)
	}
}

// take reads the content, and reports whether it is complete.
func (t *talk) take(p *plan, q *http.Request) bool {
	content, err := io.ReadAll(q.Body)
	if !bytes.HasPrefix(p.content, content) {
		t.fail(p, "other content arrived: %.100q", content)
		return false
	}
	if err == nil && len(content) < len(p.content) {
		t.fail(p, "%d bytes of content arrived as all of it", len(content))
		return false
	}
	return err == nil
}

// answer answers a request as its plan says, and reports whether the connection stays
// open.
func (t *talk) answer(c net.Conn, p *plan, q *http.Request) bool {
	r := rand.New(rand.NewPCG(p.segments, 1))
	if p.end == silent {
		if chance(r, 50) {
			reset(c)
		}
		return false
	}
	if !p.early {
		if p.expect && q.Header.Get("Expect") != "" {
			if _, err := io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
				return false
			}
		}
		if !t.take(p, q) {
			return false
		}
	}
	head, content := p.response(r)
	switch p.end {
	case breaks:
		head, content = head[:1+r.IntN(len(head)-1)], nil
	case cuts, resets:
		content = content[:r.IntN(min(len(content), len(p.body)))]
	case surplus:
		content = append(content, "HTTP/1.1 200 OK\r\nX-Id: surplus\r\nContent-Length: 7\r\n\r\nsurplus"...)
	case stays, leaves, silent:
	}
	if p.end == surplus {
		_, _ = c.Write(append(head, content...))
	} else if write(c, r, append(head, content...)) != nil {
		return false
	}
	switch p.end {
	case resets:
		reset(c)
		return false
	case stays, surplus:
	default:
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
		return false
	}
	return !p.early || t.take(p, q)
}
