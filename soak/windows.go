package main

import (
	"slices"
	"strconv"
	"sync"
	"time"
)

// aftermath is how long after its end a window still excuses what fails: a
// process that is gone has broken its connections, but on a busy machine the
// goroutines that wait on them may not have run yet.
const aftermath = time.Second

// windows are the times in which an instance was being killed or frozen: from
// the signal until the process was gone. Only then may a request that cannot be sent again
// fail. The zero value has none. Safe for concurrent use.
type windows struct {
	mu   sync.Mutex // guards list
	list []window
}

type window struct {
	pid         int       // of the instance
	from, until time.Time // until is zero while it is open
}

// open begins the window of an instance and returns what ends it.
func (w *windows) open(pid int, from time.Time) (closeAt func(time.Time)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := len(w.list)
	w.list = append(w.list, window{pid: pid, from: from})
	return func(until time.Time) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.list[i].until = until
	}
}

// excuse reports whether what went on from one time to another met a window: that
// of one of the instances, or of any instance if none is given.
func (w *windows) excuse(from, until time.Time, pids ...string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.list {
		if until.Before(x.from) || !x.until.IsZero() && from.After(x.until.Add(aftermath)) {
			continue
		}
		if len(pids) > 0 && !slices.Contains(pids, strconv.Itoa(x.pid)) {
			continue
		}
		return true
	}
	return false
}
