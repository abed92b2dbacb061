package proxy

import (
	"net"
	"testing"
)

// TestGateCountsOnce: a connection that is closed twice was still only one.
func TestGateCountsOnce(t *testing.T) {
	g := newGuard(&Options{}, nil)
	near, far := net.Pipe()
	defer far.Close()
	for range 2 {
		g.gate.enter()
	}
	c := newGuardedConn(near, g)
	for range 3 {
		_ = c.Close()
	}
	if g.gate.open != 1 {
		t.Errorf("%d open, want 1", g.gate.open)
	}
}
