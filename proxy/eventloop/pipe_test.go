//go:build linux

package eventloop

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestPipeLimits: pipes are reused when they are empty, and there is one for every
// ConnsPerPipe connections that may be open.
func TestPipeLimits(t *testing.T) {
	t.Parallel()
	g := NewGroup(Options{MaxConns: func() int { return ConnsPerPipe + 1 }})
	l := &Loop{group: g}
	first, second := l.NewPipe(), l.NewPipe()
	if first == nil || second == nil || l.NewPipe() != nil {
		t.Fatal("want two pipes, and no third one")
	}
	if _, err := unix.Write(int(second.w), []byte("rest")); err != nil {
		t.Fatal(err)
	}
	second.n = len("rest")
	l.DropPipe(first)
	l.DropPipe(second)
	if n := l.SparePipes(); n != 1 || g.pipes.Load() != 1 {
		t.Errorf("%d spare pipes of %d, want the empty one", n, g.pipes.Load())
	}
	if l.NewPipe() != first {
		t.Error("the empty pipe is not reused")
	}
	l.Stop()
	l.DropPipe(first)
	if g.pipes.Load() != 0 {
		t.Error("an ended loop keeps a pipe")
	}
}
