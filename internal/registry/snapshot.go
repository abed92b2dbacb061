package registry

import "time"

// Snapshot is the state of all instances at one moment. It is the caller's own
// copy.
type Snapshot struct {
	// Time is when it was taken.
	Time time.Time
	// Instances are all that exist, in start order.
	Instances []Instance
	// Waiting is the number of requests that wait for an instance.
	Waiting int
	// Retries is how many times a request was sent once more, and RetriesDenied how
	// many times it was not because the retry budget was used up.
	Retries, RetriesDenied uint64
	// Trouble is why no instance can be started; "" when one can.
	Trouble string
}

// Instance is one instance in a Snapshot.
type Instance struct {
	ID       ID
	Endpoint Endpoint
	Port     int    // for status reports; 0 when it has none
	Handle   string // what whoever runs it calls it, for people
	State    State
	Reason   string // why it is in State, for people
	Started  time.Time
	ReadyAt  time.Time // zero until it was ready first

	InFlight     int
	Total        uint64        // requests it was given
	ResponseTime time.Duration // decaying average; 0 before the first response
	Load         float64       // see Snapshot.Load
	// IdleSince is when InFlight became 0, but no sooner than the instance became
	// ready first, or was taken back into service; zero while InFlight is not 0.
	// Until the instance is ready it counts from its start.
	IdleSince   time.Time
	Usage       Usage
	LastSuccess time.Time // last response that was not a 5xx; zero if none
	// LastProgress is when the instance last responded, whatever the status, or took
	// or sent a piece of content, to a tenth of a second; zero if it never did.
	LastProgress time.Time
	// LastAbandoned is when a request last ended without a response, so that the
	// instance may still be working on it; zero if none did.
	LastAbandoned time.Time
	// EjectedUntil is when it gets requests again, though it is Ready; zero when it
	// gets them now. It gets them before if no other instance is ready.
	EjectedUntil time.Time
}

// Snapshot returns the state now. It never holds up requests for long: under
// the lock it copies a few words for each instance, the rest comes after it.
func (r *Registry) Snapshot() Snapshot { return r.SnapshotWith(func() {}) }

// SnapshotWith is Snapshot, and calls also at the moment of the snapshot, so that
// what also reads belongs to the same moment. The registry is locked meanwhile:
// also must neither block nor use it.
func (r *Registry) SnapshotWith(also func()) Snapshot {
	raw := make([]view, 0, r.Len()+1)
	r.mu.Lock()
	s := Snapshot{Time: time.Now(), Waiting: r.queue.size, Trouble: r.trouble}
	s.Retries, s.RetriesDenied = r.budget.granted, r.budget.denied
	for _, in := range r.instances {
		v := view{id: in.id, about: in.about, traffic: in.traffic, progress: time.Duration(in.progress.Load())}
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

// view is what a snapshot takes of an instance under the lock.
type view struct {
	id       ID
	about    *about
	traffic  traffic
	progress time.Duration // since Registry.base; 0 if none

	ejectedUntil time.Duration // since Registry.base; 0 when it is not
}

// Len returns the number of instances that exist.
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

// Count returns how many instances are in one of the given states.
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

// instance makes v an Instance, as of now.
func (v *view) instance(base, now time.Time) Instance {
	out := Instance{
		ID:           v.id,
		Endpoint:     v.about.endpoint,
		Port:         v.about.port,
		Handle:       v.about.handle,
		State:        v.about.state,
		Reason:       v.about.reason,
		Started:      v.about.started,
		ReadyAt:      v.about.readyAt,
		InFlight:     int(v.traffic.inFlight),
		Total:        v.traffic.total,
		Usage:        v.about.usage,
		ResponseTime: v.traffic.latency.average,
		Load:         v.traffic.latency.load(now.Sub(base), v.traffic.inFlight),
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
