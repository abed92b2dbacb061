package proxytest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"time"
)

// client is one connection to the proxy, and the requests on it.
type client struct {
	*talk
	net.Conn
	plans       []*plan
	asked       []chan struct{} // closed when the content was asked for, or the request answered
	answered    []chan struct{} // closed when the request was answered
	quits       int             // leaves after so many bytes; -1: never
	sent        int
	writeFailed bool
	unbroken    *plan // its response is incomplete, and ended like a complete one
}

// converse holds the n-th conversation with the proxy at address.
func (t *talk) converse(ctx context.Context, address string, n uint64) error {
	r := t.rand(n)
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	if chance(r, 30) {
		_ = conn.(*net.TCPConn).SetReadBuffer(smallBuffer)
	}
	conn = Over(conn, address)
	_ = conn.SetDeadline(time.Now().Add(Patience))
	c := &client{talk: t, Conn: conn, quits: -1}
	for i := range 1 + r.IntN(6) {
		p := newPlan(r, fmt.Sprintf("%d-%d", n, i))
		t.add(p)
		c.plans = append(c.plans, p)
		c.asked = append(c.asked, make(chan struct{}))
		c.answered = append(c.answered, make(chan struct{}))
		if p.last {
			break
		}
	}
	if chance(r, 15) {
		c.quits = r.IntN(1 + pick(r, 100, 1000, 100_000))
	}
	writing := rand.New(rand.NewPCG(r.Uint64(), 0))
	done := make(chan struct{})
	go func() { // ends with the connection, or when all is written; waited for below
		defer close(done)
		c.write(writing)
	}()
	c.read(r)
	_ = c.Conn.Close()
	<-done
	if c.unbroken != nil && !c.writeFailed && c.quits < 0 { // the kernel reports a reset once, perhaps to the writer
		c.fail(c.unbroken, "got as a whole what was not")
	}
	return nil
}

// write sends the requests.
func (c *client) write(r *rand.Rand) {
	for i, p := range c.plans {
		if p.after && i > 0 {
			<-c.answered[i-1]
		}
		head, content := p.request(r)
		if !p.patient {
			head, content = append(head, content...), nil
		}
		if !c.put(r, head) {
			return
		}
		if p.patient {
			<-c.asked[i]
			if !c.put(r, content) {
				return
			}
		}
	}
}

// put writes b. It reports whether to go on.
func (c *client) put(r *rand.Rand, b []byte) bool {
	if c.quits < 0 || c.sent+len(b) < c.quits {
		c.sent += len(b)
		err := write(c.Conn, r, b)
		c.writeFailed = err != nil && !errors.Is(err, net.ErrClosed)
		return err == nil
	}
	if write(c.Conn, r, b[:c.quits-c.sent]) != nil {
		return false
	}
	switch r.IntN(3) {
	case 0:
		_ = c.Conn.Close()
	case 1:
		reset(c.Conn)
	default:
		if c.Conn.(interface{ CloseWrite() error }).CloseWrite() != nil { // TLS, before the end of the handshake
			_ = c.Conn.Close()
		}
	}
	return false
}

// read receives the responses.
func (c *client) read(r *rand.Rand) {
	b := bufio.NewReader(&patient{c.Conn, c.Conn})
	next := 0
	defer func() {
		for _, answered := range c.answered[next:] {
			close(answered)
		}
		for _, asked := range c.asked[next:] {
			select {
			case <-asked:
			default:
				close(asked)
			}
		}
	}()
	for i, p := range c.plans {
		open := c.receive(b, r, i, p)
		if !open {
			return
		}
		select {
		case <-c.asked[i]:
		default:
			close(c.asked[i])
		}
		close(c.answered[i])
		next = i + 1
	}
}

// receive reads the response to a request, and reports whether another one may follow.
func (c *client) receive(b *bufio.Reader, r *rand.Rand, i int, p *plan) bool {
	for {
		s, err := http.ReadResponse(b, &http.Request{Method: p.method})
		if err != nil {
			if os.IsTimeout(err) || c.quits < 0 && p.whole() && !c.lax(p) {
				c.fail(p, "no response: %v", err)
			}
			return false
		}
		if s.StatusCode < 200 {
			c.interim(i, p, s)
			continue
		}
		return c.compare(b, r, p, s)
	}
}

// interim checks an informational response.
func (c *client) interim(i int, p *plan, s *http.Response) {
	if p.minor == 0 || s.StatusCode == http.StatusEarlyHints && s.Header.Get("X-Id") != p.id {
		c.fail(p, "got an informational %d of %q", s.StatusCode, s.Header.Get("X-Id"))
	}
	if s.StatusCode == http.StatusContinue {
		select {
		case <-c.asked[i]:
			c.fail(p, "asked for content twice")
		default:
			close(c.asked[i])
		}
	}
}

// compare checks a final response, and reports whether another one may follow.
func (c *client) compare(b *bufio.Reader, r *rand.Rand, p *plan, s *http.Response) bool {
	body, err := io.ReadAll(&slow{s.Body, r})
	if os.IsTimeout(err) {
		c.fail(p, "the response hangs after %d bytes", len(body))
		return false
	}
	id := s.Header.Get("X-Id")
	switch {
	case id == "" && (c.quits >= 0 || !p.whole() && s.StatusCode == http.StatusBadGateway): // an answer of the proxy
		return err == nil && !s.Close && p.minor > 0
	case id != p.id || s.StatusCode != p.status:
		c.fail(p, "got %d of %q: %.200q", s.StatusCode, id, body)
		return false
	case s.Header.Get("X-Hop") != "":
		c.fail(p, "got X-Hop")
	case !bytes.HasPrefix(p.body, body):
		c.fail(p, "got other content: %.100q", body)
	case err == nil && p.whole() && len(body) < len(p.body) && !c.lax(p):
		c.fail(p, "got %d bytes as a whole", len(body))
	case err != nil && p.whole() && c.quits < 0 && !c.lax(p):
		c.fail(p, "got %d bytes: %v", len(body), err)
	case err == nil && !p.whole():
		c.unbroken = p
	}
	if err != nil {
		return false
	}
	if !s.Close && (p.minor > 0 || s.Header.Get("Connection") == "keep-alive") {
		return true
	}
	if rest, err := io.ReadAll(b); len(rest) > 0 || os.IsTimeout(err) {
		c.fail(p, "after the last response: %.100q, %v", rest, err)
	}
	return false
}

// lax reports whether the response to p may break off visibly. The proxy resets a
// connection if the client could not see otherwise that a later response is incomplete.
// The reset destroys the responses that are still on their way.
func (c *client) lax(p *plan) bool {
	later := c.plans[slices.Index(c.plans, p)+1:]
	return slices.ContainsFunc(later, (*plan).vague)
}

// slow is a reader that pauses at random.
type slow struct {
	io.Reader
	r *rand.Rand
}

func (s *slow) Read(p []byte) (int, error) {
	pause(s.r)
	return s.Reader.Read(p)
}
