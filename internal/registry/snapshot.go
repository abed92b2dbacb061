package registry

import (
	"time"

	"github.com/dynlb/dynlb/internal/measure"
)

// Snapshot is the state of all instances at one moment. It is the caller's own
// copy.
type Snapshot struct {
	// Time is when it was taken.
	Time time.Time
	// Instances are all instances, in start order.
	Instances []Instance
	// Waiting is the number of requests that wait for an instance, those of siblings
	// included, and WaitingAtSiblings is how many these are; see UpdateSibling.
	Waiting, WaitingAtSiblings int
	// Siblings is how many siblings have told what they have.
	Siblings int
	// LongestWait is how long the first of them has waited.
	LongestWait time.Duration
	// Arrivals is how many requests have asked for an instance.
	Arrivals uint64
	// Responses is how many responses there were.
	Responses uint64
	// ServiceTime is the sum of their response times.
	ServiceTime time.Duration
	// StreamsBegun is how many streams there were. BootTimes are the times from the start of
	// instances to when they first became ready; they go on counting.
	StreamsBegun uint64
	BootTimes    *measure.Histogram
	// Concurrency is how many requests an instance works on at the same time. Capacity is
	// how many responses per second it gives with that many. Both are 0 when that is not
	// known, or when more requests in flight have always led to more throughput.
	Concurrency int
	Capacity    float64
	// Retries is how many times a request was sent again, and RetriesDenied is how
	// many times it was not because the retry budget was used up.
	Retries, RetriesDenied uint64
	// Trouble is why no instance can be started; "" when one can.
	Trouble string
	// Paused tells that requests wait because of Pause.
	Paused bool
}

// Instance is one instance in a Snapshot.
type Instance struct {
	ID       ID
	Endpoint Endpoint
	Port     int    // for status reports; 0 when it has none
	Handle   string // its name in the fleet, for people
	Version  string // of the app; "" if it has none
	Staged   bool   // see Spec.Staged
	State    State
	Reason   string // of State, for people
	Started  time.Time
	ReadyAt  time.Time // when it became ready for the first time; zero before

	InFlight     int           // streams included, and what siblings have
	Streams      int           // see Lease.Stream; those of siblings included
	AtSiblings   Elsewhere     // what siblings have of these
	StreamBytes  uint64        // what its streams have carried, in both directions
	Total        uint64        // requests it was given
	ResponseTime time.Duration // decaying average; 0 before the first response
	// Load is Working, what slow responses add to it, and what streams do. A slow
	// response adds one for each second of ResponseTime beyond 100 ms; that part fades
	// with the time since the last response. Streams add one for every 256 KiB/s that
	// they carry or, if that is more, four for each processor that the instance uses
	// beyond what the other requests account for; never more than their number.
	Load float64
	// IdleSince is the last of these times: when InFlight became 0, when the instance
	// became ready for the first time, and when it was taken back into service. Before
	// all of them it is the start of the instance. It is zero while InFlight is not 0.
	IdleSince time.Time
	Usage     Usage
	// Served is what it has answered. Failures is how many of its responses were a 5xx,
	// and how many requests got none because of it.
	Served   *Served
	Failures uint64
	// LinesDropped is how many lines of its output were not logged.
	LinesDropped uint64
	LastSuccess  time.Time // last response that was not a 5xx; zero if none
	// LastProgress is when the instance last responded, with any status, or received
	// or sent a piece of content, with a precision of 0.1 s; zero if it never did.
	LastProgress time.Time
	// LastAbandoned is when a request last ended without a response, so the instance
	// may still be working on it; zero if none did.
	LastAbandoned time.Time
	// EjectedUntil is the end of its ejection: until then it gets no requests although
	// it is Ready, unless every ready instance is ejected. Zero when it is not ejected.
	EjectedUntil time.Time
}

// Snapshot returns the present state. It delays requests only a little: under the
// lock it copies a few words per instance, and it does the rest afterwards.
func (r *Registry) Snapshot() Snapshot { return r.SnapshotWith(func() {}) }

// SnapshotWith is Snapshot, and calls the function also while it takes the snapshot, so
// that what also reads is of the same moment. The registry is locked during the call, so
// also must not block and must not use it.
func (r *Registry) SnapshotWith(also func()) Snapshot {
	raw := make([]rawInstance, 0, r.Len()+1)
	r.mu.Lock()
	s := Snapshot{Time: r.now(), Waiting: r.queue.size + r.abroad.waiting, WaitingAtSiblings: r.abroad.waiting, Siblings: len(r.siblings), Trouble: r.trouble, Paused: r.paused}
	s.Retries, s.RetriesDenied = r.budget.granted, r.budget.denied
	s.StreamsBegun, s.BootTimes = r.streams, r.boots
	s.Arrivals, s.Responses, s.ServiceTime = r.arrivals, r.responses, r.served
	if w := r.queue.head; w != nil {
		s.LongestWait = s.Time.Sub(r.base) - w.since
	}
	_, useful := r.learned.limit()
	s.Concurrency, s.Capacity = int(useful), r.learned.capacity()
	for _, in := range r.instances {
		in.traffic.carried.update(s.Time.Sub(r.base), in.carried.Load())
		v := rawInstance{
			id: in.id, staged: in.staged, about: in.about, traffic: in.traffic, abroad: in.abroad, progress: time.Duration(in.progress.Load()),
			served: in.served, failures: in.failures.total, carried: in.carried.Load(),
		}
		if in.failures.ejected && in.about.state.Routable() {
			v.ejectedUntil = in.failures.until
		}
		raw = append(raw, v)
	}
	also()
	r.mu.Unlock()

	s.Instances = make([]Instance, len(raw))
	for i := range raw {
		s.Instances[i] = raw[i].instance(r.base, s.Time)
	}
	return s
}

// rawInstance is what a snapshot copies of an instance under the lock.
type rawInstance struct {
	id       ID
	staged   bool
	about    *about
	traffic  traffic
	abroad   abroadLoad
	progress time.Duration // since Registry.base; 0 if none

	ejectedUntil time.Duration // since Registry.base; 0 when it is not
	served       *Served
	failures     uint64
	carried      uint64
}

// Len returns the number of instances.
func (r *Registry) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.instances)
}

// Waiting returns the number of requests that wait for an instance.
func (r *Registry) Waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queue.size
}

// Count returns the number of instances in one of the given states.
func (s *Snapshot) Count(states ...State) int {
	n := 0
	for i := range s.Instances {
		for _, state := range states {
			if s.Instances[i].State == state {
				n++
			}
		}
	}
	return n
}

// instance returns the Instance that v is at the time now.
func (v *rawInstance) instance(base, now time.Time) Instance {
	out := Instance{
		ID:           v.id,
		Endpoint:     v.about.endpoint,
		Port:         v.about.port,
		Handle:       v.about.handle,
		Version:      v.about.version,
		Staged:       v.staged,
		State:        v.about.state,
		Reason:       v.about.reason,
		Started:      v.about.started,
		ReadyAt:      v.about.readyAt,
		InFlight:     int(v.traffic.inFlight),
		Streams:      int(v.traffic.streams),
		AtSiblings:   Elsewhere{int(v.abroad.inFlight), int(v.abroad.streams)},
		Total:        v.traffic.total,
		Usage:        v.about.usage,
		Served:       v.served,
		Failures:     v.failures,
		StreamBytes:  v.carried,
		LinesDropped: v.about.linesDropped,
		ResponseTime: v.traffic.latency.average,
		Load:         v.traffic.latency.load(now.Sub(base), v.traffic.working()) + v.streamLoad(),
	}
	if v.traffic.inFlight == 0 {
		out.IdleSince = base.Add(v.traffic.idleSince)
	}
	if v.traffic.latency.lastSuccess > 0 {
		out.LastSuccess = base.Add(v.traffic.latency.lastSuccess)
	}
	if v.progress > 0 {
		out.LastProgress = base.Add(v.progress)
	}
	if v.traffic.abandoned > 0 {
		out.LastAbandoned = base.Add(v.traffic.abandoned)
	}
	if v.ejectedUntil > 0 {
		out.EjectedUntil = base.Add(v.ejectedUntil)
	}
	return out
}
