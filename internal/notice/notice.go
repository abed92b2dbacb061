// Package notice is what dynlb reports of an app to operators and is not about
// one instance or one request: the target and its bounds, how the last instance
// exited, what became of the configuration, and the journal of events.
//
// The parts that know these things write them to a Board. Everything that
// reports reads the Board, which shows the registry's instances and its own
// report as they were at one moment.
package notice

import (
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// Board holds the report and the journal of one app. Create one with New. All
// methods are safe for concurrent use.
type Board struct {
	registry *registry.Registry
	sequence *Sequence
	first    uint64 // the last number before the journal began

	// mu guards all below. The registry may be locked when mu is taken, never the
	// other way round.
	mu       sync.Mutex
	report   Report
	journal  journal
	watchers map[chan struct{}]struct{}
}

// Report is what the parts report of the app. The registry's Snapshot has the
// instances and the requests.
type Report struct {
	// Target is how many instances there should be, draining ones not counted.
	Target int
	// Bounds are the bounds of Target.
	Bounds Bounds
	// Thresholds are the loads between which Target stays.
	Thresholds Thresholds
	// LastDecision is why Target last changed; zero before the first target.
	LastDecision Decision
	// HoldUntil is the time until which the autoscaler leaves Target alone; zero
	// when there is no hold.
	HoldUntil time.Time
	// Raised and Lowered count the changes of Target by direction. The first
	// target is not a change.
	Raised, Lowered uint64
	// Rules counts these changes by the rule that decided, in the order of their first
	// change. It must not be changed.
	Rules []RuleCount
	// LoadPerInstance is the average load per instance over the last window, which the
	// Thresholds are compared with.
	LoadPerInstance float64
	// Restarts counts the instances that replaced one which had stopped unasked or
	// had failed to start.
	Restarts uint64
	// Brake tells which limit of the machine keeps Target from rising although the load
	// calls for it; "" when none does.
	Brake string
	// Reload tells what became of the configuration.
	Reload Reload
	// LastExit is how the last instance that stopped unasked exited; its ID is ""
	// when none did.
	LastExit Exit
	// Version is the version in force, and PreviousVersion the one before it, for people.
	// They are "" when there is none, or it has no name.
	Version, PreviousVersion string
	// Deploy is the deploy under way; zero when there is none.
	Deploy Deploy
	// Picture is how old the fleet's knowledge of its instances is; zero for a fleet that
	// always knows them.
	Picture Picture
	// Steering says what sets Target; zero when this process alone does.
	Steering Steering
}

// Picture is how old the knowledge of a fleet is that another program runs.
type Picture struct {
	// Confirmed is when that program last confirmed it.
	Confirmed time.Time
	// Error says why it does not any more; "" when it does.
	Error string
}

// Thresholds are average loads of an instance: above Up instances are added, and below
// Down they are removed.
type Thresholds struct{ Up, Down float64 }

// Exit tells how an instance came to its end.
type Exit struct {
	ID     registry.ID
	Time   time.Time
	Reason string   // "exit status 1"
	Output []string // the last lines it wrote, oldest first
	// Version is that of the app which it ran; "" if it has none.
	Version string
}

// Reload tells what became of the configuration.
type Reload struct {
	// Time is when the configuration in force was read.
	Time time.Time
	// Error tells why the present content of the file is not in force; "" when it
	// is.
	Error string
	// Pending says that another configuration is being tried: it is in force when
	// new instances that have it have replaced all others.
	Pending bool
}

// New returns a Board for the app whose instances are in r, and makes it r's
// observer. Call it before r has instances: the journal begins here.
func New(r *registry.Registry) *Board { return NewNumbered(r, new(Sequence)) }

// NewNumbered is New for one app of several, whose events are numbered by one Sequence.
func NewNumbered(r *registry.Registry, sequence *Sequence) *Board {
	b := &Board{registry: r, sequence: sequence, first: sequence.last.Load(), watchers: make(map[chan struct{}]struct{})}
	r.Observe(b)
	return b
}

// Decision is why the target changed.
type Decision struct {
	Time   time.Time
	Rule   string // which rule decided; see package autoscaler
	Reason string // with the figures it was decided on
}

// SetTarget reports how many instances there should be, and why. A change of the
// number is an event.
func (b *Board) SetTarget(n int, bounds Bounds, holdUntil time.Time, reason string) {
	b.Decide(n, bounds, holdUntil, "", reason)
}

// Decide is SetTarget with the rule that decided.
func (b *Board) Decide(n int, bounds Bounds, holdUntil time.Time, rule, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, first := b.report.Target, b.report.Bounds == Bounds{}
	b.report.Target, b.report.Bounds, b.report.HoldUntil = n, bounds, holdUntil
	switch {
	case first:
	case n > old:
		b.report.Raised++
		b.report.Rules = counted(b.report.Rules, RuleCount{Rule: rule, Raised: 1})
	case n < old:
		b.report.Lowered++
		b.report.Rules = counted(b.report.Rules, RuleCount{Rule: rule, Lowered: 1})
	}
	if n != old {
		now := time.Now()
		b.report.LastDecision = Decision{now, rule, reason}
		b.appendLocked(Event{Time: now, Type: Scaled, Rule: rule, Reason: reason})
		return
	}
	b.notifyLocked()
}

// SetThresholds reports the loads between which the target stays.
func (b *Board) SetThresholds(t Thresholds) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report.Thresholds = t
	b.notifyLocked()
}

// SetTrouble reports why no instance can be started; "" when one can. The
// registry tells it to requests that get no instance. Each new reason is an
// event.
func (b *Board) SetTrouble(reason string) {
	if !b.registry.SetTrouble(reason) || reason == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recordLocked(StartFailed, "", reason)
}

// SetBrake reports which limit of the machine keeps the target from rising; "" when
// none does any more. Each that begins is an event.
func (b *Board) SetBrake(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report.Brake = reason
	if reason != "" {
		b.recordLocked(Braked, "", reason)
		return
	}
	b.notifyLocked()
}

// NoneReady begins the reason of SetNotReady.
const NoneReady = "no instance is ready: "

// SetNotReady reports why no instance is ready although all that are wanted run; ""
// when one is, or may become ready. It replaces the reason of SetTrouble. It is no
// failed start, and no event: that of the instance says as much.
func (b *Board) SetNotReady(reason string) {
	if reason != "" {
		reason = NoneReady + reason
	}
	b.registry.SetTrouble(reason)
}

// SetPicture reports how old the fleet's knowledge of its instances is. A change of the error
// is announced, the time alone is not.
func (b *Board) SetPicture(confirmed time.Time, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	changed := b.report.Picture.Error != reason
	b.report.Picture = Picture{confirmed, reason}
	if changed {
		b.notifyLocked()
	}
}

// SetLastExit reports how an instance that stopped unasked exited. It is an event, in place
// of the one that the instance has stopped: call it before the transition to Stopped.
func (b *Board) SetLastExit(exit Exit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report.LastExit = exit
	b.appendLocked(Event{Time: time.Now(), Type: Exited, ID: exit.ID, Reason: exit.Reason, Output: exit.Output, Version: exit.Version})
}

// RecordUncleanEnd reports that the dynlb before this one has ended without a shutdown. It
// is an event.
func (b *Board) RecordUncleanEnd(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recordLocked(UncleanEnd, "", reason)
}

// RecordUpgrade reports the end of an upgrade of dynlb: Upgraded or UpgradeFailed. It is an
// event.
func (b *Board) RecordUpgrade(kind EventType, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recordLocked(kind, "", reason)
}

// CountRestart counts an instance that replaced another one.
func (b *Board) CountRestart() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report.Restarts++
	b.notifyLocked()
}

// SetReload reports that the configuration was put in force, or why it was not
// and the one before it stays. Both are events.
func (b *Board) SetReload(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.report.Reload = Reload{Time: time.Now()}
		b.recordLocked(Reloaded, "", "config read")
		return
	}
	b.report.Reload.Error, b.report.Reload.Pending = err.Error(), false
	b.recordLocked(ReloadFailed, "", err.Error())
}

// SetReloading reports that another configuration is being tried.
func (b *Board) SetReloading() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report.Reload.Pending = true
	b.notifyLocked()
}

// Moved records what the registry tells of an instance. It implements
// registry.Observer.
func (b *Board) Moved(id registry.ID, to registry.State, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if to == registry.Stopped && b.report.LastExit.ID == id {
		b.notifyLocked() // its exit is an event already
		return
	}
	b.recordLocked(eventOf(to), id, reason)
}

// Changed tells watchers of a change in the registry. It implements
// registry.Observer.
func (b *Board) Changed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notifyLocked()
}
