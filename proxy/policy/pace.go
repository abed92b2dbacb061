package policy

import "time"

const (
	// FirstContent is how much of the content of a request must have arrived before the
	// request gets an instance. Shorter content must have arrived whole. It is the size
	// of nginx's buffer for content (client_body_buffer_size).
	FirstContent = 16 << 10
	// FirstContentWait is how long a request waits for that content before it is tried as
	// a partial one; see route.App.TakePartial. It is longer than a round trip to most
	// clients, and short for a client that waits for an answer before it sends more.
	FirstContentWait = 200 * time.Millisecond
)

// Pace tells whether a peer sends or takes bytes fast enough. Only the time counts in
// which dynlb waits for the peer. The zero value is ready for use.
type Pace struct {
	behind time.Duration // how much longer than the minimum rate allows was waited
}

// TooSlow notes how long dynlb has waited for the peer, and how many bytes the peer has
// sent or taken meanwhile. It reports whether the peer is behind the rate, in bytes a
// second, by more than allowed. A peer that is ahead of the rate has no advantage from
// that later. With a rate below 1 there is no limit.
func (p *Pace) TooSlow(waited time.Duration, moved int64, rate int, allowed time.Duration) bool {
	if rate < 1 {
		return false
	}
	const limit = 1 << 30 // so that the product is a Duration; its time is above any limit
	due := time.Duration(min(moved, limit)) * (time.Second / time.Duration(rate))
	p.behind = max(0, p.behind+waited-due)
	return p.behind > allowed
}
