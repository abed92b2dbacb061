package policy

import "time"

const (
	// FirstContent is how much of the content of a request must have arrived before the
	// request is given an instance, if there is so much. nginx has 16 KiB in its buffer
	// for content by default.
	FirstContent = 16 << 10
	// FirstContentWait is how long the content may take to arrive before the request is
	// tried as a partial one; see route.App.TakePartial. It is more than the round trip
	// of a client anywhere, and little for one that waits for an answer before it sends
	// more.
	FirstContentWait = 200 * time.Millisecond
)

// Pace tells whether a peer moves bytes fast enough, over all the time in which dynlb
// waits for it. The zero value is that of a peer that was not waited for.
type Pace struct {
	behind time.Duration // how much longer than the minimum rate allows was waited
}

// TooSlow notes that dynlb has waited for the peer, and how many bytes it has moved
// meanwhile. It reports whether the peer is behind the rate, in bytes a second, by more
// than allowed. A peer that was ahead of the rate gains nothing by it for later. A rate
// below 1 is none.
func (p *Pace) TooSlow(waited time.Duration, moved int64, rate int, allowed time.Duration) bool {
	if rate < 1 {
		return false
	}
	const limit = 1 << 30 // so that the product is a Duration; its time is above any limit
	due := time.Duration(min(moved, limit)) * (time.Second / time.Duration(rate))
	p.behind = max(0, p.behind+waited-due)
	return p.behind > allowed
}
