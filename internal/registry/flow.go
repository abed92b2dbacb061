package registry

import (
	"math"
	"time"
)

const (
	// minWindow and windowPerPace are the shortest window in which arrivals and ends are
	// counted, in time and in responses of one instance: the interval of CoDel. It is up
	// to maxWindows times as long when fewer than minEvents are counted.
	minWindow     = 100 * time.Millisecond
	windowPerPace = 2
	minEvents     = 32
	maxWindows    = 10
	// flowMemory is the part that a window leaves of what the ones before have shown.
	flowMemory = 0.9
	// maxExcess is how many times the ends of a window its arrivals count at most, so
	// that a burst is not taken for a rate.
	maxExcess = 2
	// overloadRatio is how many times the ends the arrivals must be. Clients that wait
	// for the response before their next request never bring more than 1.
	overloadRatio = 1.25
	// leavingRatio is how many clients must leave for each end. When all are served in
	// their order and wait for as long as they can bear, most of them leave.
	leavingRatio = 0.25
)

// flow is what comes into the queue, and what the instances do, from the time on when it
// was last empty.
type flow struct {
	began                time.Duration // of the present window, since Registry.base
	arrived, ended, left int           // in it; claims end, clients leave

	arrivals, ends, leavings float64 // per second, decaying
	recent                   float64 // ends, decaying faster
	known                    bool    // whether a window is complete

	patience time.Duration // mean time after which clients leave, decaying; 0: none has
}

// leave adds a client that has left. since is when it began to wait in the queue, 0 if
// it has not; it may have got an instance since then.
func (f *flow) leave(now, since time.Duration) {
	f.left++
	if since == 0 {
		return
	}
	wait := now - since
	if f.patience == 0 {
		f.patience = wait
	}
	f.patience += (wait - f.patience) / 8
}

// roll ends the window at the time now if it has at least the given length.
func (f *flow) roll(now, length time.Duration) {
	took := now - f.began
	if f.ended == 0 && !f.known { // nothing is known before the first end
		return
	}
	if took < length || took < maxWindows*length && f.arrived+f.ended < minEvents {
		return
	}
	seconds := took.Seconds()
	ends := float64(f.ended) / seconds
	if !f.known {
		f.arrivals, f.ends, f.recent, f.known = ends, ends, ends, true
	}
	f.arrivals += (1 - flowMemory) * (float64(min(f.arrived, maxExcess*f.ended))/seconds - f.arrivals)
	f.ends += (1 - flowMemory) * (ends - f.ends)
	f.leavings += (1 - flowMemory) * (float64(f.left)/seconds - f.leavings)
	f.recent += (ends - f.recent) / 2
	f.began, f.arrived, f.ended, f.left = now, 0, 0, 0
}

// exceeds reports whether clearly more requests arrive than end. Without any end nothing
// is known: one request may keep the instances busy.
func (f *flow) exceeds() bool { return f.ends > 0 && f.arrivals > overloadRatio*f.ends }

// leaving reports whether many clients leave.
func (f *flow) leaving() bool { return f.ends > 0 && f.leavings > leavingRatio*f.ends }

// drain returns the time in which n requests get an instance if no others arrive.
// Zero: it is not known.
func (f *flow) drain(n int) time.Duration {
	if f.recent <= 0 {
		return 0
	}
	return time.Duration(min(float64(n)/f.recent, math.MaxInt32) * float64(time.Second))
}
