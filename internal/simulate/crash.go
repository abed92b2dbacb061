package simulate

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// Crash is the end of an instance by itself, with the requests that it has. Another one
// starts in its place.
type Crash struct {
	At time.Duration
	// Nth says which of the instances that are starting or ready then, in start order,
	// counted around.
	Nth int
}

// ErrCrashed is the error of a request whose instance has crashed.
var ErrCrashed = errors.New("the instance has crashed")

// crashes plans the crashes.
func (w *world) crashes() {
	for _, c := range w.Crashes {
		w.after(c.At, func() { w.crash(c.Nth) })
	}
}

// crash ends an instance.
func (w *world) crash(nth int) {
	now := w.registry.Snapshot()
	var running []registry.ID
	for i := range now.Instances {
		if now.Instances[i].State != registry.Draining {
			running = append(running, now.Instances[i].ID)
		}
	}
	if len(running) == 0 {
		return
	}
	id := running[nth%len(running)]
	_ = w.registry.Ended(id, registry.Ending{Reason: "crash", Own: true}) // it is known
	in := w.models[id]
	in.crashed = true
	for _, n := range slices.Sorted(maps.Keys(in.serving)) {
		in.serving[n](ErrCrashed)
	}
	_ = w.registry.Transition(id, registry.Stopped, "crash")
	w.start(len(running)-1, "replaces a crashed instance")
	w.size()
}
