package process

import (
	"fmt"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

// A burst of 100,000 lines that Spec.Output receives more slowly than the child
// prints them arrives whole: the child waits.
func TestBurstIsWhole(t *testing.T) {
	t.Parallel()
	const lines = 100_000
	var got collector
	spec := roleSpec("lines", fmt.Sprint(lines))
	spec.Output = func(l Line) {
		got.add(l)
		if len(got.lines)%(lines/10) == 0 {
			time.Sleep(10 * time.Millisecond) // a slow disk
		}
	}
	exit := await(t, start(t, spec))
	if exit.Dropped != 0 || len(got.lines) != lines {
		t.Errorf("received %d lines and dropped %d, want all %d", len(got.lines), exit.Dropped, lines)
	}
}

// Dropped lines are reported while the child runs.
func TestDropIsReported(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	spec := roleSpec("lines", "100000", line.Address())
	release, reported := make(chan struct{}), make(chan uint64, 100)
	spec.Output = func(Line) { <-release }
	spec.Dropped = func(lines uint64) { reported <- lines }
	p := start(t, spec)
	child := line.Accept() // it has printed all lines
	if n := <-reported; n == 0 || n > p.Dropped() {
		t.Errorf("reported %d of %d dropped lines", n, p.Dropped())
	}
	close(release)
	child.Close()
	await(t, p)
}
