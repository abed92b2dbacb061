// Package registry is the list of the instances of an app with their states and
// loads, the choice of the instance for a request, and the queue of requests that
// wait for one. The data plane and the control plane meet here: the proxy acquires
// and releases instances, the fleet adds them and moves them through their states,
// and the notice board takes snapshots.
//
// One mutex guards everything, so picking an instance and counting the request are
// one step, and no count can drift from the requests it stands for. The work under
// the mutex is bounded by the number of instances and never blocks.
package registry

import (
	"math"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/measure"
)

// Options are the limits of a Registry.
type Options struct {
	// MaxConcurrency is the maximum number of requests in flight of one instance.
	// Zero: no cap. AutoConcurrency: as many as an instance works on at the same time.
	MaxConcurrency int
	// QueueLimit is the maximum number of requests that wait. Zero: none.
	QueueLimit int
	// QueueTimeout is the maximum time that a request waits. Zero: none.
	QueueTimeout time.Duration
	// Ejection is the duration of the first ejection of an instance (see
	// Lease.Failed). Zero: 30 s.
	Ejection time.Duration
	// SlowStart is the time in which the share of a new instance grows to that of the
	// others. Zero: it gets its share at once.
	SlowStart time.Duration
	// Remote tells that instances are on other machines. One that cannot be connected to in
	// time gets no more requests until it is ready again, like one that refuses a
	// connection: an address may have gone without a word.
	Remote bool
}

// AutoConcurrency makes the registry find out by itself how many requests an instance
// works on at the same time; see Snapshot.Concurrency.
const AutoConcurrency = -1

// Registry holds the instances. Create one with New. All methods are safe for
// concurrent use.
type Registry struct {
	base  time.Time        // the zero of all times of instances
	clock func() time.Time // nil: time.Now

	mu         sync.Mutex // guards all below
	limit      int32      // maximum of in-flight requests per instance
	options    Options
	instances  []*instance // in start order
	byID       map[ID]*instance
	candidates []*instance // those of them that get requests
	ranked     []*instance // scratch of pickLocked
	tree       loadTree    // of candidates
	cursor     int         // index in candidates from which round-robin continues
	reserved   int         // see Reserve
	means      []float64   // scratch of findSlowLocked
	slowDue    time.Duration
	young      bool // whether an instance had less than its share when that was last seen
	split      split
	queue      queue
	mayGrow    bool          // see SetGrowth
	arrivals   uint64        // requests that asked for an instance
	responses  uint64        // first responses of claims
	served     time.Duration // response times of these
	streams    uint64        // that have begun
	boots      *measure.Histogram
	learned    concurrency
	closed     bool

	reserveBound int32
	trouble      string // see SetTrouble
	hopeless     bool   // see SetHopeless
	paused       bool   // see Pause
	observer     Observer
	watchers     map[chan struct{}]struct{}
	changes      uint64 // see Changes

	budget     budget
	pastClaims uint64        // claims on instances that are gone
	reviewer   *time.Timer   // calls review; nil before the first failure
	reviewDue  time.Duration // the time of that call, since base; 0 when there is none
	failing    bool          // some instance may have failures in a row
	audience   audience

	name     string // among siblings
	siblings map[string]*sibling
	abroad   abroad
	yields   time.Duration // since when places are kept free for siblings; 0: none are

	suspects chan ID
}

// limit returns MaxConcurrency as a number to compare with.
func (o Options) limit() int32 {
	if n := o.MaxConcurrency; n > 0 && n < math.MaxInt32 {
		return int32(n)
	}
	return math.MaxInt32
}

// Configure changes the limits. With a higher MaxConcurrency, requests that wait get
// instances at once. A lower QueueLimit removes no request from the queue. A request that
// waits keeps the QueueTimeout with which it began to wait.
func (r *Registry) Configure(options Options) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.options, r.limit = options, options.limit()
	r.plantLocked()
	r.adaptLocked()
	r.dispatchLocked()
}

// New returns an empty registry.
func New(options Options) *Registry { return NewWithClock(options, nil) }

// NewWithClock is New for a registry that takes the time from clock, such as that of a
// simulation. Nil: from the machine. Timers always follow the machine: penalties and
// ejections end by its time.
func NewWithClock(options Options, clock func() time.Time) *Registry {
	r := &Registry{
		clock:    clock,
		watchers: make(map[chan struct{}]struct{}),
		budget:   newBudget(),
		boots:    new(measure.Histogram),
		mayGrow:  true,
		suspects: make(chan ID, 64),
	}
	r.base = r.now()
	r.Configure(options)
	return r
}

// now returns the time.
func (r *Registry) now() time.Time {
	if r.clock != nil {
		return r.clock()
	}
	return time.Now()
}

// elapsed returns the time since base.
func (r *Registry) elapsed() time.Duration {
	if r.clock != nil {
		return r.clock().Sub(r.base)
	}
	return time.Since(r.base)
}

// SetTrouble sets the reason why no instance can be started; "" when one can. The
// answer to a request that gets no instance includes it. SetTrouble reports whether
// the reason has changed.
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

// SetHopeless tells whether starting an instance is known to fail, for the reason of
// SetTrouble. Then a request does not wait when no instance is ready, and fails with
// ErrNoStart, as do those that wait already.
func (r *Registry) SetHopeless(hopeless bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hopeless = hopeless
	if hopeless && len(r.candidates) == 0 {
		for w := r.queue.pop(); w != nil; w = r.queue.pop() {
			w.Grant(Lease{}, ErrNoStart)
		}
	}
}

// Suspects delivers the instances that became Unhealthy because they refused a
// connection (see Options.Remote too), so that the fleet can check them at once. It has one reader. When the
// reader is far behind, further suspects are dropped.
func (r *Registry) Suspects() <-chan ID { return r.suspects }

// Closed reports whether Close was called.
func (r *Registry) Closed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// Close makes Acquire fail with ErrClosed from now on, for requests that wait too.
// Leases stay valid.
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
