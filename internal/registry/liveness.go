package registry

import "time"

// progressStep is the precision of Instance.LastProgress. There may be ten thousand
// pieces of content a second; one write per step is enough.
const progressStep = 100 * time.Millisecond

// Progressed reports that the instance received a piece of the request's content or
// sent a piece of the response's: it works on this request, even if it leaves health
// checks unanswered. Responded implies Progressed. It takes no lock.
func (l Lease) Progressed() {
	if l.in != nil {
		l.in.progressed(l.in.registry.elapsed())
	}
}

// progressed records the time of a sign of work.
func (in *instance) progressed(now time.Duration) {
	if last := in.progress.Load(); int64(now)-last >= int64(progressStep) {
		in.progress.Store(int64(now))
	}
}

// Implicated reports whether the request may be the reason why dynlb stops the
// instance: the instance had it when it stopped answering (see
// Registry.Unresponsive). Such a request must not be sent to another instance, which
// may end in the same way.
func (l Lease) Implicated() bool {
	if l.in == nil {
		return false
	}
	l.in.registry.mu.Lock()
	defer l.in.registry.mu.Unlock()
	s := &l.in.slots[l.slot]
	return s.turn == l.turn && s.claim <= l.in.implicated
}

// Unresponsive reports that an instance is stopped because it does not answer any more.
// claims is what Instance.Total was when it ceased to answer. Its requests in flight that
// it was given until then may be the reason, and later ones are not (see
// Lease.Implicated). It fails with ErrUnknownInstance.
func (r *Registry) Unresponsive(id ID, claims uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	in, err := r.findLocked(id)
	if err != nil {
		return err
	}
	in.implicated = claims
	return nil
}
