//go:build linux

package eventloop

import "testing"

// TestProcessors checks that one processor is left to other goroutines.
func TestProcessors(t *testing.T) {
	t.Parallel()
	var p processors
	if p.take(2, 2) {
		t.Error("2 loops keep 2 of 2 processors")
	}
	if !p.take(2, 3) {
		t.Error("2 loops do not keep 2 of 3 processors")
	}
	if p.take(1, 3) {
		t.Error("3 loops keep 3 of 3 processors")
	}
	p.give(2)
	if !p.take(1, 3) {
		t.Error("a loop does not get what another one has given back")
	}
}
