package process

import (
	"errors"
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
	spec.Output = func(l Line) error {
		if len(got.lines)%(lines/10) == 0 {
			time.Sleep(10 * time.Millisecond) // a slow disk
		}
		return got.add(l)
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
	spec.Output = until(release)
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

// Lines for which Spec.Output fails count as dropped, and are reported like them.
func TestFailedLinesAreDropped(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	spec := roleSpec("lines", "10", line.Address())
	var got collector
	reported := make(chan uint64, 100)
	spec.Output = func(l Line) error {
		if l.Text == "line 3" || l.Text == "line 7" {
			return errors.New("the log is full")
		}
		return got.add(l)
	}
	spec.Dropped = func(lines uint64) { reported <- lines }
	p := start(t, spec)
	child := line.Accept() // it has printed all lines
	for <-reported != 2 {
		continue // it is the number so far
	}
	child.Close()
	if exit := await(t, p); exit.Dropped != 2 || len(got.lines) != 8 {
		t.Errorf("received %d lines and dropped %d, want 8 and 2", len(got.lines), exit.Dropped)
	}
}
