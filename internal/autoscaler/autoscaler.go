// Package autoscaler owns the target: how many instances of an app there should be.
// A [Policy] decides on it from the load, and ScaleTo sets it by order. The fleet
// starts and stops instances to match it.
package autoscaler

import (
	"context"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/internal/schedule"
)

// Fleet runs the instances; see fleet.Fleet.
type Fleet interface {
	// Scale sets the number of instances to n, with a reason for people. It does not
	// wait for the instances.
	Scale(n int, reason string)
}

// Settings are what Configure changes.
type Settings struct {
	// Bounds are those of the target as long as no entry of the Schedule is in force.
	Bounds notice.Bounds
	// Schedule has the bounds for times of the day and the week.
	Schedule schedule.Plan
	// Spare is how many instances are kept beyond those that the load needs, within the
	// bounds.
	Spare int
	// Brakes are those in force.
	Brakes Brakes
	// Window is the time over which the load is averaged, and the time between two
	// decisions.
	Window time.Duration
	// Idle is how long an instance must have been ready and idle before it may be
	// removed.
	Idle time.Duration
	// Thresholds are those of the config.
	Thresholds Thresholds
	// Policy decides on the target at the end of each window. Nil: Thresholds.
	Policy Policy
}

const (
	// minShort and maxShort bound the short window.
	minShort = 100 * time.Millisecond
	maxShort = time.Second
	// stepsPerShort is how many samples a short window has.
	stepsPerShort = 10
	// minStep is the time between two steps just after the first instance was started.
	minStep = 10 * time.Millisecond
)

// short returns the window over which requests that wait are counted: a tenth of the
// window. In it the target only rises.
func (s Settings) short() time.Duration { return min(maxShort, max(minShort, s.Window/10)) }

// step returns the time between two steps.
func (s Settings) step() time.Duration { return s.short() / stepsPerShort }

// Autoscaler keeps the target. Create one with New and Run it once. Its methods are
// safe for concurrent use.
type Autoscaler struct {
	orders   chan order
	settings chan Settings
	saves    chan chan Saved
	done     chan struct{} // closed when Run has returned
	scaler   *Scaler       // owned by Run
}

// order is a call of ScaleTo.
type order struct {
	n      int
	hold   time.Duration
	reason string
	reply  chan answer // capacity 1
}

// answer is the result of an order.
type answer struct {
	old int
	err error
}

// New returns an Autoscaler that does nothing until Run. The settings are in force
// until Configure.
func New(options Options, settings Settings) *Autoscaler {
	return &Autoscaler{
		orders:   make(chan order),
		settings: make(chan Settings),
		saves:    make(chan chan Saved),
		done:     make(chan struct{}),
		scaler:   NewScaler(options, settings),
	}
}

// ScaleTo sets the target to n. If n is out of bounds, the error is a
// *notice.BoundsError. With hold > 0 the target stays for that time, otherwise the
// next decision starts from n. It returns the old target at once, before the fleet
// has started or stopped an instance. After Run has returned, the error is
// registry.ErrClosed.
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

// Configure puts other settings in force: a target out of their bounds changes at
// once, and a new average of the load begins. It has no effect after Run has
// returned.
func (a *Autoscaler) Configure(settings Settings) {
	select {
	case a.settings <- settings:
	case <-a.done:
	}
}

// Run sets the target to its lower bound and adjusts it until ctx ends.
func (a *Autoscaler) Run(ctx context.Context) {
	defer close(a.done)
	s := a.scaler
	if s.Room != nil {
		defer s.Room.leave(s)
	}
	changed, stop := s.Board.Watch()
	defer stop()
	steering := steeringOf(s.Fleet)
	if steering == nil {
		s.Start()
	}
	next := time.NewTimer(s.Step())
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			s.flushRise()
			return
		case o := <-a.orders:
			o.reply <- s.obey(o)
		case to := <-steering:
			s.Steer(to)
			next.Reset(s.Step())
		case settings := <-a.settings:
			s.configure(settings)
			next.Reset(s.Step())
		case reply := <-a.saves:
			reply <- s.Save()
		case <-changed:
			if s.Urgent() {
				next.Reset(s.Step())
			}
		case <-next.C:
			next.Reset(s.Step())
		}
	}
}
