package fast

import "github.com/dynlb/dynlb/proxy/policy"

// stalling is how fast a client takes the bytes that wait for it.
type stalling struct {
	pace  policy.Pace
	since int64 // the loop's time; 0: no bytes wait
	taken int64 // how many bytes the client had taken then
	slow  bool  // it is to be given up
}

// stall gives the client time to take some of the bytes that wait for it. A client that
// takes them too slowly is given up by stalled, which is called at once.
func (s *response) stall() {
	s.assess()
	s.request.client.Stall(s.request.settings.IdleTimeout)
	if s.stalling.slow {
		s.request.client.Within(0)
	}
}

// endStall notes that no bytes wait for the client any more.
func (s *response) endStall() {
	if s.stalling.since != 0 {
		s.assess()
		s.stalling.since = 0
	}
	s.request.client.Progressed()
}

// stalled is called when the time to take some bytes is up.
func (s *response) stalled() {
	if s.stalling.slow || s.request.client.TookNothing() {
		s.request.clientGone()
		return
	}
	s.stall()
}

// assess notes how many bytes the client has taken.
func (s *response) assess() {
	r, now := s.request, s.request.worker.loop.Now()
	taken := r.outcome.BytesOut - int64(r.client.Untaken())
	if s.pipe != nil {
		taken -= int64(s.pipe.Len())
	}
	if s.stalling.since != 0 {
		waited := r.worker.since(s.stalling.since)
		s.stalling.slow = s.stalling.pace.TooSlow(waited, max(0, taken-s.stalling.taken), r.settings.MinRate, r.settings.IdleTimeout)
	}
	s.stalling.since, s.stalling.taken = now, taken
}
