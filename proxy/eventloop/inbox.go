//go:build linux

package eventloop

import (
	"sync"
	"sync/atomic"
)

// Task is work for a loop.
type Task interface {
	// Run does it, in the loop's goroutine.
	Run()
}

// Func is a function as a Task.
type Func func()

// Run calls the function.
func (f Func) Run() { f() }

// inbox is how other goroutines reach a loop. The loop's own may post, too.
type inbox struct {
	poller *poller
	asleep atomic.Bool // the loop waits for events, or is about to
	full   atomic.Bool // there are tasks

	mu    sync.Mutex // guards all below
	tasks []Task
	taken []Task // what take returned last
	over  bool   // no more are taken
}

// post leaves a task, and wakes the loop if it waits for events. It reports
// whether the task will run.
func (in *inbox) post(task Task) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.over {
		return false
	}
	in.tasks = append(in.tasks, task)
	in.full.Store(true)
	if in.asleep.Swap(false) {
		in.poller.wake()
	}
	return true
}

// take returns the tasks that came since. They are good until the next call.
func (in *inbox) take() []Task {
	if !in.full.Load() {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	clear(in.taken)
	in.full.Store(false)
	in.tasks, in.taken = in.taken[:0], in.tasks
	return in.taken
}

// close ends the inbox, and returns the last tasks.
func (in *inbox) close() []Task {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.over = true
	in.poller.closeWakeup()
	return in.tasks
}
