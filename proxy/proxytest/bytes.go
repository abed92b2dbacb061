package proxytest

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"time"
)

// chance is true with a probability in percent.
func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// size returns a size for content, often one near a limit of the proxy's buffers.
func size(r *rand.Rand) int {
	switch n := r.IntN(100); {
	case n < 20:
		return r.IntN(3)
	case n < 60:
		return r.IntN(600)
	case n < 75:
		return 4<<10 - 4 + r.IntN(8)
	case n < 85:
		return 64<<10 - 200 + r.IntN(400)
	case n < 98:
		return r.IntN(400 << 10)
	default:
		return r.IntN(2 << 20)
	}
}

// filling returns n bytes that repeat the name of a request and their position.
func filling(name string, n int) []byte {
	b := make([]byte, 0, n+32)
	for len(b) < n {
		b = fmt.Appendf(b, "%s%d ", name, len(b))
	}
	return b[:n]
}

// frame writes the header fields for a framing, and returns the content in it.
func frame(head *bytes.Buffer, r *rand.Rand, f framing, content []byte) []byte {
	switch f {
	case sized:
		fmt.Fprintf(head, "Content-Length: %d\r\n", len(content))
		return content
	case chunked:
		head.WriteString("Transfer-Encoding: chunked\r\n")
	default:
		return content
	}
	var b bytes.Buffer
	for rest := content; len(rest) > 0; {
		n := min(len(rest), 1+r.IntN(1+len(rest)))
		if chance(r, 30) {
			n = min(len(rest), 1+r.IntN(100))
		}
		fmt.Fprintf(&b, pick(r, "%x", "%X", "0%x")+pick(r, "", "", ";a", ";a=\"b;c\"")+"\r\n", n)
		b.Write(rest[:n])
		b.WriteString("\r\n")
		rest = rest[n:]
	}
	b.WriteString(pick(r, "0", "000", "0;x") + "\r\n" + pick(r, "", "", "X-T: 1\r\nX-U:\r\n") + "\r\n")
	return b.Bytes()
}

// write writes b in pieces of random size.
func write(c net.Conn, r *rand.Rand, b []byte) error {
	longest := len(b)
	switch r.IntN(4) {
	case 0:
		longest = 1 + len(b)/(1+r.IntN(20))
	case 1:
		longest = max(7, len(b)/200)
	}
	for len(b) > 0 {
		n := min(len(b), 1+r.IntN(longest))
		if longest == len(b) {
			n = longest
		}
		_ = c.SetWriteDeadline(time.Now().Add(Patience))
		if _, err := c.Write(b[:n]); err != nil {
			return err
		}
		if b = b[n:]; len(b) > 0 {
			pause(r)
		}
	}
	return nil
}

// patient reads from conn, and waits for Patience each time.
type patient struct {
	io.Reader
	conn net.Conn
}

func (p *patient) Read(b []byte) (int, error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(Patience))
	return p.Reader.Read(b)
}

// pause lets other goroutines run, at random.
func pause(r *rand.Rand) {
	switch n := r.IntN(20); {
	case n == 0:
		time.Sleep(time.Duration(r.IntN(1000)) * time.Microsecond)
	case n < 10:
		runtime.Gosched()
	}
}

// reset closes c with a reset.
func reset(c net.Conn) {
	if over, ok := c.(*tls.Conn); ok {
		c = over.NetConn()
	}
	if tcp, ok := c.(*net.TCPConn); ok { // on a Unix socket, the other side sees a plain end
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
