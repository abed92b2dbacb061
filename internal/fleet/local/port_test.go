package local

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTakenPortsAreSkipped(t *testing.T) {
	supervise(t, func(_ *Settings, m *machine) { m.taken[5001], m.taken[5003] = true, true }, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		b.want("2 ready")
		if p := b.all(); p[0].port != 5002 || p[1].port != 5004 {
			t.Errorf("ports %d and %d, want 5002 and 5004", p[0].port, p[1].port)
		}
	})
}

func TestNoPortLeft(t *testing.T) {
	supervise(t, func(c *Settings, m *machine) {
		c.BasePort = maxPort
		m.taken[maxPort] = true
	}, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(time.Second)
		if got := b.registry.Trouble(); !strings.Contains(got, "no port is free") {
			t.Errorf("trouble %q", got)
		}
		b.machine.mu.Lock()
		delete(b.taken, maxPort)
		b.machine.mu.Unlock()
		b.after(time.Minute)
		b.want("1 ready")
	})
}

// TestPortNotBound: what keeps any port from being bound is the reason that is
// told, and does not make others look taken.
func TestPortNotBound(t *testing.T) {
	for _, c := range []struct {
		cause error
		want  string
	}{
		{syscall.EMFILE, "find a free port from basePort 5001: listen tcp :5001: socket: too many open files"},
		{syscall.EACCES, "dynlb may not listen on port 5001: set basePort (5001) to one that it may, such as 20000: " +
			"listen tcp :5001: socket: permission denied"},
	} {
		t.Run(c.cause.Error(), func(t *testing.T) {
			supervise(t, nil, func(t *testing.T, b *bench) {
				b.unbind(&net.OpError{Op: "listen", Net: "tcp", Addr: &net.TCPAddr{Port: 5001}, Err: os.NewSyscallError("socket", c.cause)})
				b.Scale(1, "test")
				b.after(10 * time.Second)
				if got := b.registry.Trouble(); got != c.want {
					t.Errorf("trouble %q, want %q", got, c.want)
				}
				if got := len(b.all()); got > 0 {
					t.Fatalf("%d starts", got)
				}
				b.unbind(nil)
				b.after(backoffMax * 2)
				b.want("1 ready")
				if got := b.running()[0].port; got != 5001 {
					t.Errorf("port %d", got)
				}
			})
		})
	}
}

// TestBindPort: a port that somebody listens on is in use, and one that nobody
// does is not.
func TestBindPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := bindPort(port); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("in use: %v", err)
	}
	_ = l.Close()
	if err := bindPort(port); err != nil {
		t.Errorf("free: %v", err)
	}
}
