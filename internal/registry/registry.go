// Package registry knows which instances exist, their state and load, who gets
// the next request, and who waits for one. It is where the data plane and the
// control plane meet: the proxy acquires and releases, whoever runs the
// instances adds them and moves them through their states, and the control
// service takes snapshots.
//
// One mutex guards it all, so that picking an instance and counting the request
// are one step, and no count can drift from the requests it stands for. What is
// done under the mutex is bounded by the number of instances and never blocks.
package registry

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// ErrUnknownInstance says that an instance is not, or no longer, registered.
var ErrUnknownInstance = errors.New("unknown instance")

// ID identifies an instance: a UUID, new for every start.
type ID string

// Options are the limits of a Registry.
type Options struct {
	// MaxConcurrency is how many requests one instance may have in flight.
	// Zero: no cap.
	MaxConcurrency int
	// QueueLimit is how many requests may wait for an instance. Zero: none.
	QueueLimit int
	// QueueTimeout is how long a request may wait. Zero: not at all.
	QueueTimeout time.Duration
	// Ejection is how long an instance gets no requests when it is ejected for
	// the first time (see Lease.Failed). Zero: 30 s.
	Ejection time.Duration
}

// Registry holds the instances. Create one with New. All methods are safe for
// concurrent use.
type Registry struct {
	base time.Time // what instance times count from

	mu        sync.Mutex // guards all below
	limit     int32      // in-flight requests per instance
	options   Options
	instances []*instance // in start order
	ready     []*instance // those of them that get requests
	ranked    []*instance // scratch of pickLocked
	cursor    int         // index in ready where round-robin goes on
	queue     queue
	closed    bool
	trouble   string // see SetTrouble
	observer  Observer
	watchers  map[chan struct{}]struct{}
	changes   uint64 // see Changes

	budget     budget
	pastClaims uint64        // on instances that are gone
	reviewer   *time.Timer   // calls review; nil before there was anything to review
	reviewDue  time.Duration // when it will, since base; 0 when it will not

	suspects chan ID
}

// instance is one entry. The fields that every request touches come first.
type instance struct {
	registry *Registry
	traffic  traffic
	progress atomic.Int64 // see Instance.LastProgress; since Registry.base, 0 before the first
	free     int32        // first free slot, -1 when all are taken
	slots    []slot
	failures failures

	id      ID
	about   *about        // replaced, never changed: snapshots share it
	drained chan struct{} // closed when draining and nothing is in flight
	dead    chan struct{} // closed when stopped, and while it refuses connections

	implicated uint64 // the claims up to this one may be why it ceased to answer; 0: none
}

// traffic is what requests change of an instance.
type traffic struct {
	inFlight  int32
	penalty   int32 // what failures count as requests in flight
	total     uint64
	latency   latency
	idleSince time.Duration // see Instance.IdleSince; since Registry.base
	abandoned time.Duration // see Instance.LastAbandoned; since Registry.base, 0 before the first
}

// about is what only whoever runs an instance changes.
type about struct {
	endpoint Endpoint
	port     int
	handle   string
	state    State
	reason   string // why it is in state
	started  time.Time
	readyAt  time.Time
	usage    Usage
}

// limit is MaxConcurrency as it is compared with.
func (o Options) limit() int32 {
	if n := o.MaxConcurrency; n > 0 && n < math.MaxInt32 {
		return int32(n)
	}
	return math.MaxInt32
}

// Configure changes the limits. Requests that wait get the places that a higher
// cap makes; a lower limit of the queue sends none of them away, and each waits
// as long as it could when it came.
func (r *Registry) Configure(options Options) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.options, r.limit = options, options.limit()
	r.dispatchLocked()
}

// New returns an empty registry.
func New(options Options) *Registry {
	return &Registry{
		limit:    options.limit(),
		options:  options,
		base:     time.Now(),
		watchers: make(map[chan struct{}]struct{}),
		budget:   newBudget(),
		suspects: make(chan ID, 64),
	}
}

// NewID returns an ID that no instance has.
func NewID() ID { return ID(uuid.NewString()) }

// Spec describes an instance to be registered.
type Spec struct {
	// ID is what it is called from now on. Empty: a new one.
	ID ID
	// Endpoint is where it serves.
	Endpoint Endpoint
	// Port is the port that status reports show for it. Zero: it has none.
	Port int
	// Reason is why it was started, for people.
	Reason string
}

// Add registers an instance that is being started, in state Starting, behind
// all others in start order.
func (r *Registry) Add(spec Spec) ID {
	now := time.Now()
	in := &instance{
		registry: r,
		traffic:  traffic{idleSince: now.Sub(r.base)},
		free:     -1,
		id:       cmp.Or(spec.ID, NewID()),
		about: &about{
			endpoint: spec.Endpoint,
			port:     spec.Port,
			state:    Starting,
			reason:   spec.Reason,
			started:  now,
		},
		drained: make(chan struct{}),
		dead:    make(chan struct{}),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.instances = append(r.instances, in)
	r.movedLocked(in.id, Starting, spec.Reason)
	return in.id
}

// SetEndpoint changes where an instance is reached. It fails with
// ErrUnknownInstance.
func (r *Registry) SetEndpoint(id ID, endpoint Endpoint) error {
	return r.update(id, func(a *about) { a.endpoint = endpoint })
}

// SetHandle says what whoever runs the instance calls it, for people: "pid 4711".
// It fails with ErrUnknownInstance.
func (r *Registry) SetHandle(id ID, handle string) error {
	return r.update(id, func(a *about) { a.handle = handle })
}

func (r *Registry) update(id ID, change func(*about)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	in, err := r.findLocked(id)
	if err != nil {
		return err
	}
	next := *in.about
	change(&next)
	in.about = &next
	r.changes++
	r.changedLocked()
	return nil
}

// Transition moves an instance to state next, for a reason told to people. A
// Ready instance gets waiting requests at once; a Stopped one is forgotten. It
// fails when the life cycle does not allow the step (see State.CanBecome), or
// with ErrUnknownInstance.
func (r *Registry) Transition(id ID, next State, reason string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	in, err := r.findLocked(id)
	if err != nil {
		return err
	}
	return r.transitionLocked(in, next, reason)
}

// Drain moves an instance to Draining and returns a channel that is closed when
// it has no request in flight any more; an instance that is taken back into
// service, as Ready, gets another one. It fails as Transition does.
func (r *Registry) Drain(id ID, reason string) (<-chan struct{}, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	in, err := r.findLocked(id)
	if err != nil {
		return nil, err
	}
	return in.drained, r.transitionLocked(in, Draining, reason)
}

// SetTrouble says why no instance can be started; "" when one can. Requests that
// get no instance are told. It reports whether that is news.
func (r *Registry) SetTrouble(reason string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trouble == reason {
		return false
	}
	r.trouble = reason
	r.changedLocked()
	return true
}

// Trouble returns why no instance can be started; "" when one can.
func (r *Registry) Trouble() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble
}

// Suspects delivers the instances that left Ready because they refused a
// connection, so that whoever runs them can look at once. It has one reader;
// when the reader is far behind, further suspects are dropped.
func (r *Registry) Suspects() <-chan ID { return r.suspects }

// Close ends the registry for new requests: Acquire fails with ErrClosed from
// now on, for those that wait too. Leases stay valid.
func (r *Registry) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.reviewer != nil {
		r.reviewer.Stop()
	}
	for w := r.queue.pop(); w != nil; w = r.queue.pop() {
		w.Grant(Lease{}, ErrClosed)
	}
	r.changedLocked()
}

func (r *Registry) transitionLocked(in *instance, next State, reason string) error {
	if !in.about.state.CanBecome(next) {
		return fmt.Errorf("move instance %s from %v to %v: not in its life cycle", in.id, in.about.state, next)
	}
	about := *in.about
	about.state, about.reason = next, reason
	switch next {
	case Ready:
		if in.about.state == Draining {
			in.drained = make(chan struct{}) // the next time it drains
		}
		if in.isDead() {
			in.dead = make(chan struct{})
		}
		now := time.Now()
		if about.readyAt.IsZero() {
			about.readyAt = now
		}
		// One that was unhealthy has been idle all along.
		if in.traffic.inFlight == 0 && in.about.state != Unhealthy {
			in.traffic.idleSince = now.Sub(r.base)
		}
	case Draining:
		if in.traffic.inFlight == 0 {
			close(in.drained)
		}
	case Stopped:
		in.dieLocked()
		r.instances = slices.DeleteFunc(r.instances, func(x *instance) bool { return x == in })
		r.pastClaims += in.traffic.total
	default: // nothing more to an Unhealthy one
	}
	in.about = &about
	r.routeLocked()
	r.movedLocked(in.id, next, reason)
	r.dispatchLocked()
	return nil
}

func (r *Registry) findLocked(id ID) (*instance, error) {
	for _, in := range r.instances {
		if in.id == id {
			return in, nil
		}
	}
	return nil, fmt.Errorf("find instance %s: %w", id, ErrUnknownInstance)
}
