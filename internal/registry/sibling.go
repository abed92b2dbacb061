package registry

import (
	"slices"
	"time"
)

// Report is what one dynlb tells another one that gives requests to the same instances: its
// sibling. All of it is of the teller alone, without what its own siblings have told it.
type Report struct {
	// Loads are what it has at instances. An instance that is not among them is as it was
	// before or, if they are the Whole, has nothing of it.
	Loads []SiblingLoad
	Whole bool
	// Waiting is how many requests wait for an instance, Oldest how long the first of them has,
	// and Usable how many instances they may get; zero in a pause.
	Waiting, Usable int
	Oldest          time.Duration
	// Awaited tells that requests wait at siblings, for what this process has. It is not told.
	Awaited bool
	// Arrivals, Responses and ServiceTime are counted since its start; see Snapshot.
	Arrivals, Responses uint64
	ServiceTime         time.Duration
}

// SiblingLoad is what a dynlb has at one instance.
type SiblingLoad struct {
	ID                ID
	InFlight, Streams int  // as in Instance
	Draining          bool // it gives the instance no more requests
}

// sibling is what is known of another dynlb.
type sibling struct {
	loads map[ID]SiblingLoad // that are not zero
	told  Report             // without Loads
	at    time.Duration      // when it was told, since Registry.base
}

// abroad is what all siblings have.
type abroad struct {
	waiting   int
	queueing  int // how many of the siblings have requests that wait
	arrivals  uint64
	responses uint64
	served    time.Duration
}

// abroadLoad is what all siblings have at one instance. It is part of the traffic of that
// instance, so a pick costs no more than without siblings.
type abroadLoad struct {
	inFlight, streams int32
	draining          int32 // how many give it no more requests
}

// maxReported bounds what a sibling may say of one instance, or of its queue.
const maxReported = 1 << 20

// bounded returns a count of a sibling that cannot harm.
func bounded(n int) int { return min(max(0, n), maxReported) }

// Report appends to reuse what this process has at each instance, in start order, and
// returns it with the other figures.
func (r *Registry) Report(reuse []SiblingLoad) Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := Report{
		Loads: reuse, Whole: true, Waiting: r.queue.size, Awaited: r.abroad.queueing > 0,
		Arrivals: r.arrivals - r.abroad.arrivals, Responses: r.responses - r.abroad.responses, ServiceTime: r.served - r.abroad.served,
	}
	if head := r.queue.head; head != nil {
		out.Oldest = r.elapsed() - head.since
	}
	if !r.paused {
		out.Usable = len(r.candidates) + len(r.split.staged)
	}
	for _, in := range r.instances {
		out.Loads = append(out.Loads, SiblingLoad{
			ID: in.id, InFlight: int(in.traffic.inFlight - in.abroad.inFlight), Streams: int(in.traffic.streams - in.abroad.streams),
			Draining: in.about.state == Draining,
		})
	}
	return out
}

// UpdateSibling counts what a sibling has told. The name is its own as long as it lives.
// What it has at an instance counts there like requests of this process, until another
// call says otherwise.
func (r *Registry) UpdateSibling(name string, told Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.siblings[name]
	if s == nil {
		s = &sibling{loads: map[ID]SiblingLoad{}, told: told} // its counts from before are no news
		s.told.Waiting, s.told.Loads = 0, nil
		if r.siblings == nil {
			r.siblings = map[string]*sibling{}
		}
		r.siblings[name] = s
		r.shareOutLocked()
	}
	changed := told.Whole && r.absentLocked(s, told.Loads)
	for _, load := range told.Loads {
		load.InFlight, load.Streams = bounded(load.InFlight), min(bounded(load.Streams), bounded(load.InFlight))
		changed = r.abroadLocked(s.loads[load.ID], load) || changed
		if s.loads[load.ID] = load; load == (SiblingLoad{ID: load.ID}) {
			delete(s.loads, load.ID)
		}
	}
	told.Waiting = bounded(told.Waiting)
	woken := r.countSiblingLocked(s, &told)
	r.settleSiblingLocked(changed, woken)
}

// absentLocked forgets what a sibling has told of instances that are not among its loads. It
// reports whether the candidates may have changed.
func (r *Registry) absentLocked(s *sibling, loads []SiblingLoad) (changed bool) {
	present := make(map[ID]bool, len(loads))
	for i := range loads {
		present[loads[i].ID] = true
	}
	for id, load := range s.loads {
		if !present[id] {
			changed = r.abroadLocked(load, SiblingLoad{ID: id}) || changed
			delete(s.loads, id)
		}
	}
	return changed
}

// countSiblingLocked counts what a sibling has told of its queue and its requests. It reports
// whether requests have begun to wait.
func (r *Registry) countSiblingLocked(s *sibling, told *Report) (woken bool) {
	before := s.told
	s.told, s.told.Loads, s.at = *told, nil, r.elapsed()
	a := &r.abroad
	woken = a.waiting == 0 && told.Waiting > 0
	a.waiting += told.Waiting - before.Waiting
	if told.queueing() {
		a.queueing++
	}
	if before.queueing() {
		a.queueing--
	}
	arrivals, responses := told.Arrivals-min(told.Arrivals, before.Arrivals), told.Responses-min(told.Responses, before.Responses)
	served := max(0, told.ServiceTime-before.ServiceTime)
	r.arrivals, a.arrivals = r.arrivals+arrivals, a.arrivals+arrivals
	r.responses, a.responses = r.responses+responses, a.responses+responses
	r.served, a.served = r.served+served, a.served+served
	return woken
}

// ForgetSibling forgets what a sibling has told: it is gone, or silent.
func (r *Registry) ForgetSibling(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.siblings[name]
	if s == nil {
		return
	}
	delete(r.siblings, name)
	r.shareOutLocked()
	changed := false
	for id, load := range s.loads {
		changed = r.abroadLocked(load, SiblingLoad{ID: id}) || changed
	}
	gone := s.told
	gone.Waiting = 0
	r.countSiblingLocked(s, &gone)
	r.settleSiblingLocked(changed, false)
}

// Siblings returns how many siblings are known.
func (r *Registry) Siblings() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.siblings)
}

// abroadLocked replaces what a sibling has at an instance, if that is known here. It reports
// whether the candidates may have changed.
func (r *Registry) abroadLocked(before, now SiblingLoad) (changed bool) {
	if before == now {
		return false
	}
	in := r.byID[now.ID]
	if in == nil {
		return false
	}
	a, first := &in.abroad, in.abroad.draining > 0
	inFlight, streams := int32(now.InFlight-before.InFlight), int32(now.Streams-before.Streams)
	a.inFlight, a.streams = a.inFlight+inFlight, a.streams+streams
	in.traffic.inFlight, in.traffic.streams = in.traffic.inFlight+inFlight, in.traffic.streams+streams
	if now.Draining {
		a.draining++
	}
	if before.Draining {
		a.draining--
	}
	r.weighedLocked(in)
	if inFlight != 0 && in.traffic.inFlight == 0 {
		in.idleLocked(r.elapsed())
	}
	return first != (a.draining > 0)
}

// settleSiblingLocked lets the queue and the watchers know of a change.
func (r *Registry) settleSiblingLocked(candidates, woken bool) {
	if candidates {
		r.updateCandidatesLocked()
	}
	r.dispatchLocked()
	if woken {
		r.changedLocked() // an app scaled to zero must start an instance
	}
}

// enterLocked adds an instance to the list. Siblings may have told of it before.
func (r *Registry) enterLocked(in *instance) {
	r.instances = append(r.instances, in)
	if r.byID == nil {
		r.byID = map[ID]*instance{}
	}
	r.byID[in.id] = in
	r.assignLocked(in)
	for _, s := range r.siblings {
		if load, told := s.loads[in.id]; told {
			r.abroadLocked(SiblingLoad{ID: in.id}, load)
		}
	}
}

// removeLocked removes an instance from the list.
func (r *Registry) removeLocked(in *instance) {
	r.instances = slices.DeleteFunc(r.instances, func(x *instance) bool { return x == in })
	if r.byID[in.id] == in {
		delete(r.byID, in.id)
	}
}
