//go:build linux

package eventloop_test

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/eventloop"
)

// channel is a Channel with room for a few bytes at a time.
type channel struct {
	eventloop.Conn
	in, out string
	ended   bool
	room    int
	events  []string
}

func (c *channel) read(p []byte) (int, syscall.Errno) {
	if c.in == "" && !c.ended {
		return 0, syscall.EAGAIN
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, 0
}

// via is the Channel of a channel: the methods have the names of those of Conn.
type via struct{ *channel }

func (v via) Read(p []byte) (int, syscall.Errno) { return v.read(p) }

func (v via) Write(b []byte) (int, syscall.Errno) {
	n := min(len(b), v.room)
	if n == 0 {
		return 0, syscall.EAGAIN
	}
	v.room -= n
	v.out += string(b[:n])
	return n, 0
}

func (v via) CloseWrite() { v.events = append(v.events, "CloseWrite") }

func (v via) Close(reset bool) {
	v.events = append(v.events, map[bool]string{false: "Close", true: "Reset"}[reset])
}

func (c *channel) Ready()   { c.events = append(c.events, "Ready") }
func (c *channel) Expired() { c.events = append(c.events, "Expired") }

// TestChannel checks that a connection reads from a channel, and writes to it, as it does
// with a socket.
func TestChannel(t *testing.T) {
	t.Parallel()
	s := newLines(t, eventloop.Options{Loops: 1})
	c := &channel{in: "hello", room: 3}
	expired := make(chan struct{})
	s.inLoops(func(l *eventloop.Loop) {
		l.AddChannel(&c.Conn, via{c}, c)
		if _, err := c.Receive(); !errors.Is(err, eventloop.ErrAgain) {
			t.Errorf("before there is anything: %v", err)
		}
		c.AssumeReadable()
		b, err := c.Receive()
		if string(b) != "hello" || err != nil {
			t.Errorf("received %q, %v", b, err)
		}
		c.Keep(b[2:])
		c.in, c.ended = "!", true
		c.NoteEnd()
		if b, err = c.Receive(); string(b) != "llo!" || err != nil {
			t.Errorf("received %q, %v", b, err)
		}
		c.Keep(nil)
		if _, err = c.Receive(); !eventloop.IsEnd(err) {
			t.Errorf("at the end: %v", err)
		}
		if err := c.Send([]byte("ab"), nil, []byte("cd"), []byte("ef")); err != nil || c.out != "abc" || c.Waiting() != 3 {
			t.Errorf("sent %q, %d wait, %v", c.out, c.Waiting(), err)
		}
		c.Stall(time.Hour)
		if !c.TookNothing() || c.Untaken() != 3 {
			t.Errorf("%d bytes are not taken", c.Untaken())
		}
		c.room = 1
		if n, err := c.Flush(); n != 1 || err != nil || c.TookNothing() {
			t.Errorf("%d flushed, %v", n, err)
		}
		c.room = 9
		_, _ = c.Flush()
		c.CloseWrite()
		c.CloseWrite()
		c.Progressed()
		c.Within(time.Millisecond)
		c.Later()
	})
	for done := false; !done; {
		s.inLoops(func(*eventloop.Loop) { done = slices.Contains(c.events, "Expired") })
	}
	s.inLoops(func(*eventloop.Loop) {
		c.Keep(nil)
		c.Reset()
		close(expired)
	})
	<-expired
	if got := strings.Join(c.events, " "); got != "CloseWrite Ready Expired Reset" || c.out != "abcdef" {
		t.Errorf("got %s, out %q", got, c.out)
	}
}

// TestAtTurnEnd checks that a task runs in the turn in which it is added, and that tasks
// may add others.
func TestAtTurnEnd(t *testing.T) {
	t.Parallel()
	s := newLines(t, eventloop.Options{Loops: 1})
	var order []string
	done := make(chan struct{})
	s.inLoops(func(l *eventloop.Loop) {
		l.AtTurnEnd(eventloop.Func(func() {
			order = append(order, "first")
			l.AtTurnEnd(eventloop.Func(func() {
				order = append(order, "second")
				close(done)
			}))
		}))
		order = append(order, "task")
	})
	<-done
	if got := strings.Join(order, " "); got != "task first second" {
		t.Errorf("got %s", got)
	}
}
