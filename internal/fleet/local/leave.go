package local

import (
	"encoding/json"
	"maps"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
)

const (
	// launchWait is how long Leave waits for the starts under way: a fork takes
	// milliseconds. An instance that the keeper starts later belongs to the next process.
	launchWait = 200 * time.Millisecond
	// releaseWait is how long it waits for lines that were read to be logged.
	releaseWait = 200 * time.Millisecond
)

// Leave implements [fleet.Movable].
func (f *Fleet) Leave() (text json.RawMessage) {
	launched := make(chan struct{})
	f.call(func() {
		f.endStaging(fleet.ErrMoved)
		f.leaving = func() { close(launched) }
		f.settle()
	})
	select {
	case <-launched:
	case <-f.done:
	case <-time.After(launchWait):
	}
	f.call(func() {
		close(f.left) // before the output: the goroutines of the children do nothing any more
		text = f.save(f.release())
		if f.rollout != nil {
			f.rollout.done <- fleet.ErrMoved
		}
	})
	<-f.done
	return text
}

// settle calls leaving once no start is under way any more. It runs in the loop.
func (f *Fleet) settle() {
	for _, c := range f.children {
		if c.proc == nil {
			return
		}
	}
	if f.leaving != nil {
		f.leaving()
		f.leaving = func() {}
	}
}

// hasLeft reports whether the instances belong to another process.
func (f *Fleet) hasLeft() bool {
	select {
	case <-f.left:
		return true
	default:
		return false
	}
}

// release stops reading the output of all children, and returns what was read of lines
// that have not ended. It runs in the loop, for the last time.
func (f *Fleet) release() map[*child]savedOutput {
	var mu sync.Mutex
	outputs := map[*child]savedOutput{}
	var releasing sync.WaitGroup
	for _, c := range f.children {
		if c.proc == nil {
			continue
		}
		releasing.Go(func() { // a log that is not read holds it up
			stdout, stderr := c.proc.Release()
			mu.Lock()
			defer mu.Unlock()
			outputs[c] = savedOutput{Stdout: stdout, Stderr: stderr}
		})
	}
	done := make(chan struct{})
	go func() { // ends when the lines are logged, or with the process
		releasing.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(releaseWait):
	}
	mu.Lock()
	defer mu.Unlock()
	return maps.Clone(outputs)
}
