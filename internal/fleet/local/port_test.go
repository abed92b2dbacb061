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
	t.Parallel()
	withFleet(t, func(_ *Settings, m *machine) { m.takenPorts[5001], m.takenPorts[5003] = true, true }, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		r.want("2 ready")
		if p := r.all(); p[0].port != 5002 || p[1].port != 5004 {
			t.Errorf("ports %d and %d, want 5002 and 5004", p[0].port, p[1].port)
		}
	})
}

func TestNoPortLeft(t *testing.T) {
	t.Parallel()
	withFleet(t, func(c *Settings, m *machine) {
		c.BasePort = maxPort
		m.takenPorts[maxPort] = true
	}, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(time.Second)
		if got := r.registry.Trouble(); !strings.Contains(got, "no port is free") {
			t.Errorf("trouble %q", got)
		}
		r.set(func(m *machine) { delete(m.takenPorts, maxPort) })
		r.after(time.Minute)
		r.want("1 ready")
	})
}

// TestPortNotBound: an error for which no port can be bound is reported, and other
// ports are not tried.
func TestPortNotBound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cause error
		want  string
	}{
		{syscall.EMFILE, "find a free port from basePort 5001: listen tcp :5001: socket: too many open files"},
		{syscall.EACCES, "dynlb may not listen on port 5001: set basePort (5001) to one that it may, such as 20000: " +
			"listen tcp :5001: socket: permission denied"},
	} {
		t.Run(c.cause.Error(), func(t *testing.T) {
			t.Parallel()
			withFleet(t, nil, func(t *testing.T, r *rig) {
				r.refuseBinds(&net.OpError{Op: "listen", Net: "tcp", Addr: &net.TCPAddr{Port: 5001}, Err: os.NewSyscallError("socket", c.cause)})
				r.Scale(1, "test")
				r.after(10 * time.Second)
				if got := r.registry.Trouble(); got != c.want {
					t.Errorf("trouble %q, want %q", got, c.want)
				}
				if got := len(r.all()); got > 0 {
					t.Fatalf("%d starts", got)
				}
				r.refuseBinds(nil)
				r.after(backoffMax * 2)
				r.want("1 ready")
				if got := r.running()[0].port; got != 5001 {
					t.Errorf("port %d", got)
				}
			})
		})
	}
}

// TestBindPort: a port with a listener is in use, and one without is not.
func TestBindPort(t *testing.T) {
	t.Parallel()
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
