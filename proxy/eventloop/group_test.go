//go:build linux

package eventloop_test

import (
	"bufio"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/eventloop"
)

// TestEven: connections are spread evenly over the loops.
func TestEven(t *testing.T) {
	t.Parallel()
	s := newLines(t, eventloop.Options{Loops: 4})
	for range 40 {
		s.dial(t).say(t, "hello", "HELLO")
	}
	counts := make(chan int, 4)
	s.inLoops(func(l *eventloop.Loop) {
		n := 0
		l.Conns(func(*eventloop.Conn) { n++ })
		counts <- n
	})
	for range 4 {
		if n := <-counts; n < 8 || n > 12 {
			t.Errorf("a loop has %d connections, want about 10", n)
		}
	}
}

// TestMaxConns: connections beyond the maximum wait until one is closed, or there
// may be more.
func TestMaxConns(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	limit := 2
	s := newLines(t, eventloop.Options{MaxConns: func() int { mu.Lock(); defer mu.Unlock(); return limit }})
	first, second := s.dial(t), s.dial(t)
	first.say(t, "a", "A")
	second.say(t, "b", "B")
	third, fourth := s.dial(t), s.dial(t) // by the kernel
	_ = third.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := third.Write([]byte("c\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := third.r.Peek(1); err == nil {
		t.Error("a third connection was accepted")
	}
	_ = third.SetReadDeadline(time.Now().Add(patience))
	_ = first.Close()
	if got, err := bufio.NewReader(third).ReadString('\n'); got != "C\n" {
		t.Errorf("got %q, %v", got, err)
	}
	mu.Lock()
	limit = 3
	mu.Unlock()
	s.group.WakeAcceptors()
	fourth.say(t, "d", "D")
}

// TestLeave: connections stay open when their listener is left.
func TestLeave(t *testing.T) {
	t.Parallel()
	s := newLines(t, eventloop.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.group.Serve(l) }()
	other := &linesTest{address: l.Addr().String()}
	c := other.dial(t)
	c.say(t, "hello", "HELLO")
	if !s.group.Leave(l) || s.group.Leave(l) {
		t.Error("it cannot be left, or can twice")
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	c.say(t, "still there", "STILL THERE")
	if conn, err := net.Dial("tcp", other.address); err == nil {
		_ = conn.Close()
		t.Error("the listener is open")
	}
}

// TestServeUnsupported: a listener without a socket is left alone.
func TestServeUnsupported(t *testing.T) {
	t.Parallel()
	s := newLines(t, eventloop.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := s.group.Serve(struct{ net.Listener }{l}); err == nil {
		t.Error("it was served")
	}
	go func() { _, _ = net.Dial("tcp", l.Addr().String()) }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatalf("the listener was closed: %v", err)
	}
	_ = conn.Close()
}
