package registry

import "time"

// progressStep is the precision of Instance.LastProgress. Pieces of content come
// by the ten thousand a second; one write in that time is enough.
const progressStep = 100 * time.Millisecond

// Progressed reports that the instance took a piece of the request's content, or
// sent a piece of the response's: it works on this request, whatever else it
// leaves unanswered. Responded implies it. It takes no lock.
func (l Lease) Progressed() {
	if l.in != nil {
		l.in.progressed(time.Since(l.in.registry.base))
	}
}

func (in *instance) progressed(now time.Duration) {
	if last := in.progress.Load(); int64(now)-last >= int64(progressStep) {
		in.progress.Store(int64(now))
	}
}

// Implicated reports whether the request may be the reason why dynlb stops the
// instance: the instance had been given it when it ceased to answer (see
// Registry.Unresponsive). Another instance must not be given such a request,
// or it ends likewise.
func (l Lease) Implicated() bool {
	if l.in == nil {
		return false
	}
	l.in.registry.mu.Lock()
	defer l.in.registry.mu.Unlock()
	s := &l.in.slots[l.slot]
	return s.turn == l.turn && s.claim <= l.in.implicated
}

// Unresponsive says that an instance is stopped because it has ceased to answer,
// with Instance.Total at claims then: of the requests that it still has, the first
// claims may be the reason, and those that came after are not (see
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
