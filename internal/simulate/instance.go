package simulate

import (
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// instance is the model of an instance.
type instance struct {
	slower  float64       // by how many times its work is slower
	ready   time.Duration // when it became ready
	busy    int
	waiting []func()
	serving map[int]func(error) // by number of the request: ends it without a response
	crashed bool
	drained <-chan struct{} // closed when it drains and has no request; nil: it does not
}

// Scale implements autoscaler.Fleet.
func (w *world) Scale(n int, reason string) {
	if n != w.target {
		w.result.Changes = append(w.result.Changes, Change{w.now, w.target, n, w.board.Snapshot().LastDecision.Rule, reason})
	}
	w.target = n
	now := w.registry.Snapshot()
	order := now.RemovalOrder()
	w.start(len(order), reason)
	for i := 0; i < len(order)-n; i++ {
		id := order[i].ID
		if drained, err := w.registry.Drain(id, reason); err == nil {
			w.models[id].drained = drained
			w.settle(id)
		}
	}
	w.size()
}

// start starts the instances that are missing when there are so many.
func (w *world) start(present int, reason string) {
	for range w.target - present {
		id := w.registry.Add(registry.Spec{Reason: reason})
		w.models[id] = w.model(id)
		w.after(w.App.Boot, func() {
			if w.registry.Transition(id, registry.Ready, "ready") == nil {
				w.models[id].ready = w.now
				w.size()
			}
		})
	}
}

// settle stops an instance that has drained.
func (w *world) settle(id registry.ID) {
	in := w.models[id]
	select {
	case <-in.drained:
		in.drained = nil
		_ = w.registry.Transition(id, registry.Stopped, "drained")
	default:
	}
}

// size records the number of instances.
func (w *world) size() {
	now := w.registry.Snapshot()
	w.result.Sizes = append(w.result.Sizes, Size{w.now, now.Count(registry.Ready), now.Count(registry.Starting)})
}

// model returns the model of an instance that starts.
func (w *world) model(id registry.ID) *instance {
	in := &instance{slower: 1, serving: make(map[int]func(error))}
	if len(w.models) == 0 {
		w.result.first = id
		if w.App.SlowOne > 0 {
			in.slower = w.App.SlowOne
		}
	}
	if w.App.SlowOneFor > 0 {
		w.after(w.App.SlowOneFor, func() { in.slower = 1 })
	}
	return in
}

// slowness returns how many times longer a request takes than in most instances.
func (w *world) slowness(in *instance) float64 {
	warm := 1.0
	if w.App.WarmUp > 0 {
		warm = min(1, float64(w.now-in.ready)/float64(w.App.WarmUp))
	}
	return in.slower * (1 + max(0, w.App.Cold-1)*(1-warm))
}
