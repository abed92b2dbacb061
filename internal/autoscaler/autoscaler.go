// Package autoscaler decides how many instances there should be: from the load,
// by its rules, or because somebody said so. It owns the target; whoever runs
// the instances, the fleet, makes it true.
package autoscaler

import (
	"context"
	"log/slog"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

const (
	// samplesPerWindow is how often the load is looked at for one decision.
	samplesPerWindow = 10
	// minSampling and maxSampling bound the time between two looks.
	minSampling = 20 * time.Millisecond
	maxSampling = time.Second
)

// Fleet runs the instances: local processes, or something remote.
type Fleet interface {
	// Scale makes it n instances, for a reason told to people. It does not
	// wait until they are there.
	Scale(n int, reason string)
}

// Options are what an Autoscaler works with. All are required.
type Options struct {
	Board *notice.Board
	Fleet Fleet
	Rules Rules // at first; Configure changes them
	Log   *slog.Logger
}

// Autoscaler keeps the target. Create one with New and Run it once.
type Autoscaler struct {
	Options
	orders chan order
	rules  chan Rules
	done   chan struct{} // closed when Run has returned
}

// order is somebody's wish for a number of instances.
type order struct {
	n      int
	hold   time.Duration
	reason string
	reply  chan answer // capacity 1
}

// answer is what came of an order.
type answer struct {
	old int
	err error
}

// New returns an Autoscaler that does nothing until Run.
func New(options Options) *Autoscaler {
	return &Autoscaler{Options: options, orders: make(chan order), rules: make(chan Rules), done: make(chan struct{})}
}

// ScaleTo sets the target to n, which must be within the bounds or the error is
// a *notice.BoundsError. With hold > 0 the target then stays for that long,
// otherwise the next decision goes on from n. It answers at once with the
// target that was; the fleet works on after it. When the autoscaler does not
// run, the error is registry.ErrClosed.
func (a *Autoscaler) ScaleTo(ctx context.Context, n int, hold time.Duration, reason string) (old int, err error) {
	o := order{n: n, hold: hold, reason: reason, reply: make(chan answer, 1)}
	select {
	case a.orders <- o:
		got := <-o.reply
		return got.old, got.err
	case <-a.done:
		return 0, registry.ErrClosed
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Configure puts other rules in force: a target that is out of their bounds
// changes at once, and the load is averaged anew. It does nothing when the
// autoscaler does not run any more.
func (a *Autoscaler) Configure(rules Rules) {
	select {
	case a.rules <- rules:
	case <-a.done:
	}
}

// Run starts with the least number of instances and adjusts it until ctx ends.
func (a *Autoscaler) Run(ctx context.Context) {
	defer close(a.done)
	changed, stop := a.Board.Watch()
	defer stop()
	s := scale{Autoscaler: a, rules: a.Rules}
	sampling := time.NewTicker(s.rules.sampling())
	defer sampling.Stop()
	deciding := time.NewTicker(s.rules.Window)
	defer deciding.Stop()

	s.set(s.rules.Bounds.Min, "minInstances")
	for {
		select {
		case <-ctx.Done():
			return
		case o := <-a.orders:
			o.reply <- s.obey(o)
		case rules := <-a.rules:
			sampling.Reset(rules.sampling())
			deciding.Reset(rules.Window)
			s.configure(rules)
		case <-sampling.C:
			s.sample()
		case <-changed:
			// The first request to a pool scaled to zero does not wait for the
			// next decision.
			if s.target == 0 && a.Board.Snapshot().Waiting > 0 {
				s.sample()
				s.decide()
			}
		case <-deciding.C:
			s.sample()
			s.decide()
		}
	}
}
