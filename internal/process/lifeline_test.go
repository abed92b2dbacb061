package process

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"
)

// lifeline is where children connect so that a test sees when they die.
type lifeline struct {
	*net.TCPListener
	t *testing.T
}

func newLifeline(t *testing.T) lifeline {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return lifeline{l, t}
}

func (l lifeline) address() string { return l.Addr().String() }

// life is the connection of one child.
type life struct {
	*net.TCPConn
	t   *testing.T
	pid int
}

// accept waits for the next child to connect.
func (l lifeline) accept() life {
	l.t.Helper()
	_ = l.SetDeadline(time.Now().Add(patience))
	conn, err := l.AcceptTCP()
	if err != nil {
		l.t.Fatalf("no child connected: %v", err)
	}
	l.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	var pid int
	if _, err := fmt.Fscanln(conn, &pid); err != nil {
		l.t.Fatalf("read the child's pid: %v", err)
	}
	return life{conn, l.t, pid}
}

// expectDeath fails the test unless the child dies within limit.
func (c life) expectDeath(limit time.Duration) {
	c.t.Helper()
	_ = c.SetDeadline(time.Now().Add(limit))
	if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("process %d is alive after %v", c.pid, limit)
	}
}

// expectAlive fails the test if the child is dead now.
func (c life) expectAlive() {
	c.t.Helper()
	_ = c.SetDeadline(time.Now().Add(time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("process %d is gone: %v", c.pid, err)
	}
}
