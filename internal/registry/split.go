package registry

import (
	"hash/maphash"
	"math"
)

// wholeShare is a share of all requests: shares are counted in millionths, so that they
// add up exactly.
const wholeShare = 1_000_000

// split divides the requests between the staged instances and the others. It is in
// effect while there are ready instances of both kinds.
type split struct {
	share  int64       // of the staged instances, in millionths
	credit int64       // what they have not had yet of it; within one request either way
	staged []*instance // those that get requests; empty: there is no split

	samples [2]Sample // of the others, and of the staged instances
}

// SetShare sets the part of the requests that staged instances get, from 0 to 1, and
// begins another Split. Of 1,000 requests without a Preference, a share of 0.1 is 100.
//
// When the staged instances are all at the cap, the others get their requests. The
// requests of the others go to staged instances only when none of the others is ready.
func (r *Registry) SetShare(share float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	share = min(1, max(0, share))
	r.split.share, r.split.credit = int64(math.Round(share*wholeShare)), 0
	r.split.samples = [2]Sample{}
	r.dispatchLocked()
}

// Split returns what requests have shown of the staged instances, and of the others,
// since SetShare.
func (r *Registry) Split() (staged, others Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.split.samples[1], r.split.samples[0]
}

// Unstage makes staged instances like the others.
func (r *Registry) Unstage() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, in := range r.instances {
		in.staged = false
	}
	r.updateCandidatesLocked()
	r.adaptLocked()
	r.changes++
	r.changedLocked()
	r.dispatchLocked()
}

// pickSplitLocked is pickLocked while there is a split. A request that is tried again
// goes to an instance that is not staged, if one is left.
func (r *Registry) pickSplitLocked(p *Preference, except *instance) *instance {
	s := &r.split
	if except != nil {
		if in := r.bestLocked(r.candidates, p, except); in != nil || len(r.candidates) > 1 || r.candidates[0] != except {
			return in
		}
		return r.bestLocked(s.staged, p, except)
	}
	if p.Rank != nil {
		return r.pickSessionLocked(p)
	}
	if s.credit+s.share < wholeShare {
		in := r.bestLocked(r.candidates, p, nil)
		if in != nil {
			s.credit += s.share
		}
		return in
	}
	in := r.bestLocked(s.staged, p, nil)
	if in != nil {
		s.credit += s.share - wholeShare
		return in
	}
	return r.bestLocked(r.candidates, p, nil) // the credit stays
}

// pickSessionLocked returns the instance for a request of a session. One that ranks
// highest of all possible ranks is the session's own. Otherwise the key decides on the kind
// of instance, so that a session does not change between the kinds.
func (r *Registry) pickSessionLocked(p *Preference) *instance {
	s := &r.split
	first, second := r.candidates, s.staged
	if int64(maphash.Bytes(splitSeed, p.Key)%wholeShare) < s.share {
		first, second = second, first
	}
	for _, in := range second {
		if p.Rank(p.Key, in.id) == math.MaxInt && in.traffic.working() < r.limit {
			return in
		}
	}
	in := r.bestLocked(first, p, nil)
	if in == nil && len(first) > 0 && first[0].staged {
		return r.bestLocked(second, p, nil)
	}
	return in
}

// splitSeed is for the hashes of sessions.
var splitSeed = maphash.MakeSeed()

// sampleLocked returns where the requests of in count while there is a split.
func (r *Registry) sampleLocked(in *instance) *Sample {
	if in.staged {
		return &r.split.samples[1]
	}
	return &r.split.samples[0]
}
