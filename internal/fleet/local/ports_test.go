package local

import (
	"sync"
	"syscall"
	"testing"
)

// TestPortsAreShared: fleets that share Ports never have the same port, whatever base
// they begin at, and a port that was given back is the next one.
func TestPortsAreShared(t *testing.T) {
	t.Parallel()
	free := func(int) error { return nil }
	var ports Ports
	take := func(first int) int {
		t.Helper()
		port, err := ports.take(first, free)
		if err != nil {
			t.Fatal(err)
		}
		return port
	}
	for i, c := range []struct{ first, want int }{{5001, 5001}, {5001, 5002}, {5003, 5003}, {5002, 5004}, {6000, 6000}, {5001, 5005}} {
		if got := take(c.first); got != c.want {
			t.Errorf("port %d from %d is %d, want %d", i, c.first, got, c.want)
		}
	}
	ports.release(5002)
	if got := take(5001); got != 5002 {
		t.Errorf("got port %d, want the one that was given back", got)
	}

	var running sync.WaitGroup
	got := make([]int, 100)
	for i := range got {
		running.Go(func() { got[i], _ = ports.take(7000, free) })
	}
	running.Wait()
	seen := map[int]bool{}
	for _, port := range got {
		if seen[port] || port < 7000 || port >= 7100 {
			t.Errorf("port %d was given twice, or is not the lowest one", port)
		}
		seen[port] = true
	}
}

// TestPortIsReleased: the port of an instance that has ended is given back to the
// fleets that share Ports, also when its process could not be started.
func TestPortIsReleased(t *testing.T) {
	t.Parallel()
	ports := new(Ports)
	taken := func() int {
		ports.mu.Lock()
		defer ports.mu.Unlock()
		return len(ports.taken)
	}
	withFleet(t, func(s *Settings, m *machine) {
		s.Ports = ports
		m.takenPorts[5001] = true
	}, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(backoffMax)
		r.want("2 ready")
		if n := taken(); n != 2 {
			t.Errorf("%d ports are taken, want 2", n)
		}
		if _, err := ports.take(5001, func(port int) error {
			if port < 5004 {
				return syscall.EADDRINUSE
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		ports.release(5004)
		r.Scale(0, "test")
		r.after(backoffMax)
		if n := taken(); n != 0 {
			t.Errorf("%d ports are taken after the instances have ended", n)
		}
	})
}
