package registry

import "time"

// learnLocked adds a response to what is known of the instances' concurrency, and
// adapts the limit to it if that is to be found out.
func (r *Registry) learnLocked(now time.Duration, first, last int32, took time.Duration) {
	r.triedLocked(now, r.learned.observe(now, first, last, took))
}

// unlearnedLocked notes that a request ended without a response.
func (r *Registry) unlearnedLocked(now time.Duration) { r.triedLocked(now, r.learned.abandoned(now)) }

// triedLocked continues the trial of the limit, and adapts it when that has a result or
// there was a verdict.
func (r *Registry) triedLocked(now time.Duration, judged bool) {
	if judged && r.learned.collapse.gone > 0 {
		r.learned.bound(r.workingLocked())
	}
	excess := r.learned.trial.phase == limited && r.overLimitLocked()
	if r.learned.try(now, trialInput{r.queue.size > 0, excess, r.responses, len(r.candidates)}) || judged {
		r.adaptLocked()
	}
}

// adaptLocked sets the limit of an app whose concurrency is to be found out.
func (r *Registry) adaptLocked() {
	if r.options.MaxConcurrency != AutoConcurrency {
		return
	}
	limit, _ := r.learned.limit()
	if !r.learned.known && r.startingLocked() {
		limit = holdBack
	}
	before := r.limit
	if limit == before {
		return
	}
	r.limit = limit
	r.plantLocked()
	if limit > before {
		r.dispatchLocked()
	}
}

// startingLocked reports whether an instance is starting that is not staged.
func (r *Registry) startingLocked() bool {
	for _, in := range r.instances {
		if in.about.state == Starting && !in.staged {
			return true
		}
	}
	return false
}

// overLimitLocked reports whether an instance has more requests than the limit, from the
// time before it.
func (r *Registry) overLimitLocked() bool {
	for _, in := range r.candidates {
		if in.traffic.working() > r.limit {
			return true
		}
	}
	return false
}

// workingLocked returns how many requests the instances have that are no streams.
func (r *Registry) workingLocked() (n float64) {
	for _, in := range r.candidates {
		n += float64(in.traffic.working())
	}
	return n
}
