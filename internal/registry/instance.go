package registry

import (
	"cmp"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// ErrUnknownInstance reports that an instance is not registered, or not any more.
var ErrUnknownInstance = errors.New("unknown instance")

// ID identifies an instance: a UUID, new for every start.
type ID string

// instance is one entry of the registry. The fields that every request uses come
// first.
type instance struct {
	registry *Registry
	endpoint atomic.Pointer[Endpoint] // that of about, for Lease.Endpoint
	progress atomic.Int64             // see Instance.LastProgress; since Registry.base, 0 before the first
	traffic  traffic
	speed    speed
	served   *Served
	free     int32 // first free slot, -1 when none is free
	place    int   // among Registry.candidates, while there is a tree of them
	slots    []slot
	failures failures
	carried  atomic.Uint64 // bytes of streams
	uploaded atomic.Int64  // when a stream began or its client last sent something; since Registry.base

	id      ID
	about   *about        // replaced, never changed: snapshots share it
	drained chan struct{} // closed when draining and no request is in flight
	dead    chan struct{} // closed when stopped, and while it refuses connections
	ended   chan struct{} // closed when ending is known

	ending       Ending
	fleetStopped bool // the fleet ended it
	staged       bool // see Spec.Staged
	breaks       breaks
	lastReply    reply
	endedAt      time.Duration // when ending was reported, since Registry.base

	elsewhere map[int]Elsewhere // of traffic, by process; see SetElsewhere
	abroad    abroadLoad        // of traffic; see UpdateSibling

	implicated uint64 // the claims up to this one may be why it stopped answering; 0: none
}

// traffic is what requests change of an instance.
type traffic struct {
	inFlight  int32
	streams   int32 // those of inFlight that are streams; see Lease.Stream
	handicap  int32 // what failures, slowness and Reserve count as requests in flight
	foreign   int32 // 1 for one that a sibling is to choose first; see shareOutLocked
	slow      int32 // how many times slower than the others; 0: it is not, or is to be seen again
	total     uint64
	latency   latency
	idleSince time.Duration // see Instance.IdleSince; since Registry.base
	abandoned time.Duration // see Instance.LastAbandoned; since Registry.base, 0 before the first
	carried   throughput
}

// about is what the fleet reports of an instance.
type about struct {
	endpoint     Endpoint
	port         int
	handle       string
	version      string
	state        State
	reason       string // of state
	started      time.Time
	readyAt      time.Time
	usage        Usage
	linesDropped uint64
}

// NewID returns an ID that no other instance has.
func NewID() ID { return ID(uuid.NewString()) }

// Spec describes an instance to be registered.
type Spec struct {
	// ID is its ID. Empty: a new one.
	ID ID
	// Endpoint is where it is reached.
	Endpoint Endpoint
	// Port is the port that /lb-status and metrics show. Zero: it has none.
	Port int
	// Version is the version of the app that it runs. Empty: it has none.
	Version string
	// Staged marks an instance of a version that is being deployed, beside those of the
	// present one. Until Unstage it gets its part of the share that SetShare sets, and does
	// not count towards the target.
	Staged bool
	// Reason is why it was started, for people.
	Reason string
}

// Add registers an instance in state Starting, as the last one in start order.
func (r *Registry) Add(spec Spec) ID {
	now := r.now()
	in := &instance{
		registry: r,
		traffic:  traffic{idleSince: now.Sub(r.base)},
		served:   new(Served),
		free:     -1,
		id:       cmp.Or(spec.ID, NewID()),
		staged:   spec.Staged,
		about: &about{
			endpoint: spec.Endpoint,
			port:     spec.Port,
			version:  spec.Version,
			state:    Starting,
			reason:   spec.Reason,
			started:  now,
		},
		drained: make(chan struct{}),
		dead:    make(chan struct{}),
		ended:   make(chan struct{}),
	}
	in.endpoint.Store(&in.about.endpoint)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.enterLocked(in)
	r.adaptLocked()
	r.movedLocked(in.id, Starting, spec.Reason)
	return in.id
}

// SetEndpoint changes where an instance is reached. It fails with
// ErrUnknownInstance.
func (r *Registry) SetEndpoint(id ID, endpoint Endpoint) error {
	return r.update(id, func(a *about) { a.endpoint = endpoint })
}

// NotReadyYet begins the reason of a Starting instance once it is known why it is not
// ready; before, the reason is why it was started.
const NotReadyYet = "not ready yet: "

// SetReason changes the reason of the state of an instance, for people, without an
// event. It fails with ErrUnknownInstance.
func (r *Registry) SetReason(id ID, reason string) error {
	r.mu.Lock()
	in, err := r.findLocked(id)
	same := err == nil && in.about.reason == reason
	r.mu.Unlock()
	if err != nil || same {
		return err
	}
	return r.update(id, func(a *about) { a.reason = reason })
}

// SetHandle sets the name of the instance in its fleet, for people: "pid 4711". It
// fails with ErrUnknownInstance.
func (r *Registry) SetHandle(id ID, handle string) error {
	return r.update(id, func(a *about) { a.handle = handle })
}

// update changes what the fleet reports of an instance, and announces it.
func (r *Registry) update(id ID, change func(*about)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.amendLocked(id, change); err != nil {
		return err
	}
	r.changes++
	r.changedLocked()
	return nil
}

// amendLocked changes what the fleet reports of an instance.
func (r *Registry) amendLocked(id ID, change func(*about)) error {
	in, err := r.findLocked(id)
	if err != nil {
		return err
	}
	next := *in.about
	change(&next)
	in.about = &next
	in.endpoint.Store(&next.endpoint)
	return nil
}

func (r *Registry) findLocked(id ID) (*instance, error) {
	if in := r.byID[id]; in != nil {
		return in, nil
	}
	return nil, fmt.Errorf("find instance %s: %w", id, ErrUnknownInstance)
}
