package processtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"
	"time"
)

// Lifeline is a listener to which children connect, so that a test sees when they
// die: the kernel closes the connection of a dead process.
type Lifeline struct {
	listener *net.TCPListener
	t        *testing.T
}

// NewLifeline returns a lifeline that is closed at the end of the test.
func NewLifeline(t *testing.T) Lifeline {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return Lifeline{l, t}
}

// Address is what a child connects to.
func (l Lifeline) Address() string { return l.listener.Addr().String() }

// Life is the connection of one child.
type Life struct {
	PID  int
	conn *net.TCPConn
	t    *testing.T
}

// Accept waits for the next child to connect.
func (l Lifeline) Accept() Life {
	l.t.Helper()
	_ = l.listener.SetDeadline(time.Now().Add(Limit))
	conn, err := l.listener.AcceptTCP()
	if err != nil {
		l.t.Fatalf("no child connected: %v", err)
	}
	l.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(Limit))
	var pid int
	if _, err := fmt.Fscanln(conn, &pid); err != nil {
		l.t.Fatalf("read the child's pid: %v", err)
	}
	return Life{pid, conn, l.t}
}

// Close closes the connection, which ends the child or lets it go on, as its role
// says.
func (c Life) Close() { _ = c.conn.Close() }

// ExpectDeath fails the test unless the child dies within limit.
func (c Life) ExpectDeath(limit time.Duration) {
	c.t.Helper()
	_ = c.conn.SetDeadline(time.Now().Add(limit))
	if _, err := c.conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("process %d is alive after %v", c.PID, limit)
	}
}

// ExpectAlive fails the test if the child is dead now.
func (c Life) ExpectAlive() {
	c.t.Helper()
	_ = c.conn.SetDeadline(time.Now().Add(time.Millisecond))
	if _, err := c.conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("process %d is dead: %v", c.PID, err)
	}
}

// Hold is the child's side: it connects to a lifeline, sends its pid, says that it
// is ready, and returns when the lifeline closes the connection.
func Hold(address string) {
	fd, fdErr := strconv.Atoi(os.Getenv(readyEnv))
	_ = os.Unsetenv(readyEnv) // a role may hold more than one connection
	conn, err := net.Dial("tcp", address)
	if err != nil {
		panic(err)
	}
	_, _ = fmt.Fprintln(conn, os.Getpid())
	if fdErr == nil {
		_ = os.NewFile(uintptr(fd), "ready").Close()
	}
	_, _ = conn.Read(make([]byte, 1))
}
