package registry

import (
	"cmp"
	"time"

	"github.com/dynlb/dynlb/internal/measure"
)

// Saved is what a Registry leaves to that of another process, which goes on with the same
// instances. All of its fields are optional. Durations without a name that says otherwise
// are since Base.
type Saved struct {
	// Base is the zero of the times of instances.
	Base time.Time `json:"base,omitzero"`
	// Process is the process whose requests are in flight.
	Process   int             `json:"process,omitempty"`
	Instances []SavedInstance `json:"instances,omitempty"`

	Arrivals  uint64        `json:"arrivals,omitempty"`
	Responses uint64        `json:"responses,omitempty"`
	Served    time.Duration `json:"served,omitempty"`
	Streams   uint64        `json:"streams,omitempty"`
	Past      uint64        `json:"past,omitempty"` // claims on instances that are gone
	Granted   uint64        `json:"granted,omitempty"`
	Denied    uint64        `json:"denied,omitempty"`
	Boots     measure.Saved `json:"boots,omitzero"`

	Trouble     string           `json:"trouble,omitempty"`
	Paused      bool             `json:"paused,omitempty"`
	Concurrency savedConcurrency `json:"concurrency,omitzero"`
}

// SavedInstance is an instance in a Saved.
type SavedInstance struct {
	ID           ID        `json:"id"`
	Endpoint     Endpoint  `json:"endpoint,omitzero"`
	Port         int       `json:"port,omitempty"`
	Handle       string    `json:"handle,omitempty"`
	Version      string    `json:"version,omitempty"`
	Staged       bool      `json:"staged,omitempty"`
	State        State     `json:"state,omitempty"`
	Reason       string    `json:"reason,omitempty"`
	Started      time.Time `json:"started,omitzero"`
	ReadyAt      time.Time `json:"readyAt,omitzero"`
	Usage        Usage     `json:"usage,omitzero"`
	LinesDropped uint64    `json:"linesDropped,omitempty"`

	Own       Elsewhere     `json:"own,omitzero"` // what the process has in flight
	Total     uint64        `json:"total,omitempty"`
	Carried   uint64        `json:"carried,omitempty"`
	IdleSince time.Duration `json:"idleSince,omitempty"`
	Abandoned time.Duration `json:"abandoned,omitempty"`
	Progress  time.Duration `json:"progress,omitempty"`
	Latency   savedLatency  `json:"latency,omitzero"`
	Speed     savedSpeed    `json:"speed,omitzero"`
	Failures  savedFailures `json:"failures,omitzero"`

	Classes map[int]uint64 `json:"classes,omitempty"` // responses by first digit
	Times   measure.Saved  `json:"times,omitzero"`
}

// savedLatency is latency.
type savedLatency struct {
	Average     time.Duration `json:"average,omitempty"`
	Last        time.Duration `json:"last,omitempty"`
	LastSuccess time.Duration `json:"lastSuccess,omitempty"`
	Sampled     bool          `json:"sampled,omitempty"`
}

// savedSpeed is speed, brought up to date.
type savedSpeed struct {
	Mean    float64       `json:"mean,omitempty"`
	N       float64       `json:"n,omitempty"`
	Last    time.Duration `json:"last,omitempty"`
	Settled time.Duration `json:"settled,omitempty"`
	Factor  float64       `json:"factor,omitempty"`
	Slow    int32         `json:"slow,omitempty"`
}

// savedFailures is failures, without the evidence: the hashes in it are of one process.
type savedFailures struct {
	Score     float64       `json:"score,omitempty"`
	At        time.Duration `json:"at,omitempty"`
	Total     uint64        `json:"total,omitempty"`
	Ejections int           `json:"ejections,omitempty"`
	Until     time.Duration `json:"until,omitempty"`
	Ejected   bool          `json:"ejected,omitempty"`
}

// Save returns what another process goes on with. process is this one.
func (r *Registry) Save(process int) Saved {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Saved{
		Base: r.base.Round(0), Process: process, Arrivals: r.arrivals, Responses: r.responses, Served: r.served, Streams: r.streams,
		Past: r.pastClaims, Granted: r.budget.granted, Denied: r.budget.denied, Boots: r.boots.Save(),
		Trouble: r.trouble, Paused: r.paused, Concurrency: r.learned.save(),
	}
	for _, in := range r.instances {
		s.Instances = append(s.Instances, in.saveLocked())
	}
	return s
}

// saveLocked returns the instance as another process goes on with it.
func (in *instance) saveLocked() SavedInstance {
	a, t, f := in.about, &in.traffic, &in.failures
	in.speed.settle()
	s := SavedInstance{
		ID: in.id, Endpoint: a.endpoint, Port: a.port, Handle: a.handle, Version: a.version, Staged: in.staged, State: a.state, Reason: a.reason,
		Started: a.started.Round(0), ReadyAt: a.readyAt.Round(0), Usage: a.usage, LinesDropped: a.linesDropped,
		Own: in.ownLocked(), Total: t.total, Carried: in.carried.Load(), IdleSince: t.idleSince, Abandoned: t.abandoned, Progress: time.Duration(in.progress.Load()),
		Latency:  savedLatency{t.latency.average, t.latency.last, t.latency.lastSuccess, t.latency.sampled},
		Speed:    savedSpeed{in.speed.mean, in.speed.n, in.speed.last, in.speed.settled, in.speed.factor, t.slow},
		Failures: savedFailures{f.score, f.at, f.total, f.ejections, f.until, f.ejected},
		Times:    in.served.Times.Save(),
	}
	s.Usage.Measured = s.Usage.Measured.Round(0)
	for digit := range in.served.byClass {
		if n := in.served.Class(digit); n > 0 {
			if s.Classes == nil {
				s.Classes = map[int]uint64{}
			}
			s.Classes[digit] = n
		}
	}
	return s
}

// Restore goes on with what another process has saved: call it before Add, and before any
// request. The requests of that process count as in flight, if there are any, until
// SetElsewhere says otherwise; they are ignored if the process is gone. No event is recorded.
func (r *Registry) Restore(s Saved, gone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := r.now().Sub(cmp.Or(s.Base, r.base)); age > r.elapsed() {
		r.base = r.now().Add(-age) // with the reading of the monotonic clock
	}
	r.arrivals, r.responses, r.served, r.streams = s.Arrivals, s.Responses, s.Served, s.Streams
	r.pastClaims, r.trouble, r.paused = s.Past, s.Trouble, s.Paused
	r.budget.granted, r.budget.denied, r.budget.at = s.Granted, s.Denied, r.elapsed()
	r.boots.Restore(s.Boots)
	r.learned.restore(s.Concurrency, r.elapsed())
	for i := range s.Instances {
		in := newSaved(r, &s.Instances[i])
		if !gone {
			in.setElsewhereLocked(s.Process, s.Instances[i].Own)
		}
		if in.about.state == Draining && in.traffic.inFlight == 0 {
			close(in.drained)
		}
		if in.failures.ejected || in.failures.score > 0 {
			r.reviewInLocked(max(time.Millisecond, min(reviewInterval, in.failures.until-r.elapsed())))
		}
		r.enterLocked(in)
	}
	r.budget.requests = r.claimsLocked()
	r.updateCandidatesLocked()
	r.adaptLocked()
	r.changes++
	r.changedLocked()
}

// newSaved returns the instance that was saved.
func newSaved(r *Registry, s *SavedInstance) *instance {
	in := &instance{
		registry: r, served: new(Served), free: -1, id: s.ID, staged: s.Staged,
		about: &about{
			endpoint: s.Endpoint, port: s.Port, handle: s.Handle, version: s.Version, state: s.State, reason: s.Reason,
			started: s.Started, readyAt: s.ReadyAt, usage: s.Usage, linesDropped: s.LinesDropped,
		},
		traffic: traffic{
			total: s.Total, idleSince: s.IdleSince, abandoned: s.Abandoned, slow: s.Speed.Slow, carried: throughput{counted: s.Carried, at: r.elapsed()},
			latency: latency{s.Latency.Average, s.Latency.Last, s.Latency.LastSuccess, s.Latency.Sampled},
		},
		speed: speed{mean: s.Speed.Mean, n: s.Speed.N, last: s.Speed.Last, settled: s.Speed.Settled, factor: s.Speed.Factor},
		failures: failures{
			score: s.Failures.Score, at: s.Failures.At, total: s.Failures.Total, ejections: s.Failures.Ejections,
			until: s.Failures.Until, ejected: s.Failures.Ejected,
		},
		drained: make(chan struct{}), dead: make(chan struct{}), ended: make(chan struct{}),
	}
	in.endpoint.Store(&in.about.endpoint)
	in.carried.Store(s.Carried)
	in.progress.Store(int64(s.Progress))
	in.served.Times.Restore(s.Times)
	for digit, n := range s.Classes {
		if digit >= 0 && digit < classes {
			in.served.byClass[digit].Store(n)
		}
	}
	return in
}
