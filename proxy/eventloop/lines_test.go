//go:build linux

package eventloop_test

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dynlb/dynlb/proxy/eventloop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// lines is a protocol: each line is answered with the same in capital letters. A
// few lines are commands:
//
//	!detach   the connection goes on as one of package net
//	!quiet    the connection is closed unless something comes within 100 ms
//	!relay    what follows goes through a pipe, in small letters too, up to 1 MiB
type lines struct {
	loop *eventloop.Loop
	test *linesTest
}

// Accept takes on a connection.
func (p lines) Accept(from eventloop.Arrival) {
	c := &lineConn{test: p.test}
	p.loop.AddAccepted(&c.Conn, from.Socket, c)
}

// linesTest is what the protocols of all loops share.
type linesTest struct {
	group    *eventloop.Group
	address  string
	detached chan detached
	expired  chan struct{}
}

// detached is a connection that was taken out of its loop.
type detached struct {
	net.Conn
	unread []byte
	closed func()
}

// lineConn is a connection that speaks lines.
type lineConn struct {
	eventloop.Conn
	test  *linesTest
	pipe  *eventloop.Pipe
	relay int64 // bytes that are to be relayed
	ended bool
}

// Ready answers the lines that came.
func (c *lineConn) Ready() {
	for range eventloop.MaxRounds {
		if _, err := c.Flush(); err != nil {
			c.close()
			return
		}
		switch {
		case c.Waits():
			if !c.Stalling() {
				c.Stall(patience)
			}
			return
		case c.ended:
			c.close()
			return
		case c.pipe != nil:
			if !c.relayed() {
				return
			}
			continue
		}
		if c.Stalling() {
			c.Progressed()
		}
		b, err := c.Receive()
		switch {
		case err == eventloop.ErrAgain: //nolint:errorlint // it is the very value
			return
		case eventloop.IsEnd(err):
			c.ended = true
			c.CloseWrite()
		case err != nil:
			c.close()
			return
		case !c.answer(b):
			return
		}
	}
	c.Later()
}

// answer answers the whole lines in b. It reports whether the connection is still
// in the loop.
func (c *lineConn) answer(b []byte) bool {
	c.ClearDeadline()
	for {
		end := bytes.IndexByte(b, '\n') + 1
		if end == 0 {
			c.Keep(b)
			return true
		}
		line, rest := b[:end], b[end:]
		b = rest
		switch string(line[:end-1]) {
		case "!detach":
			unread := bytes.Clone(rest)
			conn, closed, err := c.Detach()
			if err != nil {
				c.close()
				return false
			}
			c.test.detached <- detached{conn, unread, closed}
			return false
		case "!quiet":
			c.Within(100 * time.Millisecond)
		case "!relay":
			c.Keep(nil) // the client sends nothing before it is told to
			c.relay, c.pipe = 1<<20, c.Loop().NewPipe()
			if c.pipe == nil {
				c.close()
				return false
			}
			_ = c.Send([]byte("go\n"))
			c.Later()
			return true
		default:
			for i, letter := range line {
				if 'a' <= letter && letter <= 'z' {
					line[i] -= 'a' - 'A'
				}
			}
			if c.Send(line) != nil {
				c.close()
				return false
			}
		}
	}
}

// relayed relays some bytes. It reports whether to go on.
func (c *lineConn) relayed() bool {
	if c.pipe.Len() == 0 {
		n, err := c.pipe.Fill(&c.Conn, c.relay)
		if err != nil {
			if err != eventloop.ErrAgain { //nolint:errorlint // it is the very value
				c.close()
			}
			return false
		}
		c.relay -= int64(n)
	}
	if _, err := c.pipe.Drain(&c.Conn); err != nil {
		c.close()
		return false
	}
	if c.pipe.Len() > 0 {
		return false
	}
	if c.relay == 0 {
		c.Loop().DropPipe(c.pipe)
		c.pipe = nil
	}
	return true
}

// Expired is called when the peer takes nothing, or was to send something.
func (c *lineConn) Expired() {
	select {
	case c.test.expired <- struct{}{}:
	default:
	}
	c.close()
}

func (c *lineConn) close() {
	if c.pipe != nil {
		c.Loop().DropPipe(c.pipe)
		c.pipe = nil
	}
	c.Close()
}

// newLines serves the protocol. When the test ends nothing may be left.
func newLines(t *testing.T, options eventloop.Options) *linesTest {
	t.Helper()
	s := &linesTest{detached: make(chan detached, 1), expired: make(chan struct{}, 1)}
	options.Protocol = func(l *eventloop.Loop) eventloop.Protocol { return lines{l, s} }
	s.group = eventloop.NewGroup(options)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.group.Serve(l) }()
	for len(s.group.Loops()) == 0 {
		time.Sleep(time.Millisecond) // Serve starts them, and does not say when
	}
	t.Cleanup(func() {
		s.group.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		for _, l := range s.group.Loops() {
			l.Post(eventloop.Func(l.Stop))
		}
		s.group.Wait()
		if n := s.group.Open(); n != 0 {
			t.Errorf("%d connections counted", n)
		}
		for _, l := range s.group.Loops() {
			if n := l.Buffers().InUse(); n != 0 {
				t.Errorf("%d buffers in use", n)
			}
			if l.Post(eventloop.Func(func() {})) {
				t.Error("an ended loop takes a task")
			}
		}
	})
	return s
}

// inLoops runs do on each loop, and waits for it.
func (s *linesTest) inLoops(do func(*eventloop.Loop)) {
	var done sync.WaitGroup
	for _, l := range s.group.Loops() {
		done.Add(1)
		if !l.Post(eventloop.Func(func() { do(l); done.Done() })) {
			done.Done()
		}
	}
	done.Wait()
}

// client is a connection to the loops.
type client struct {
	*net.TCPConn
	r *bufio.Reader
}

func (s *linesTest) dial(t *testing.T) *client {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &client{conn.(*net.TCPConn), bufio.NewReader(conn)}
}

// say sends a line, and wants an answer.
func (c *client) say(t *testing.T, line, want string) {
	t.Helper()
	if _, err := c.Write([]byte(line + "\n")); err != nil {
		t.Fatal(err)
	}
	if got, err := c.r.ReadString('\n'); err != nil || got != want+"\n" {
		t.Fatalf("got %q, %v; want %q", got, err, want)
	}
}
