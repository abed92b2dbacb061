package autoscaler

import "time"

// removalDelay doubles the idle time after a removal that came too early: the target rises
// again soon after it fell, so the instances that were removed are wanted again. A time
// without that halves it again. uWSGI multiplies the time before a removal in the same way.
type removalDelay struct {
	doublings int       // of the idle time
	fell      time.Time // when the target last fell; zero when it has risen since
	since     time.Time // when doublings last changed
}

const (
	// maxDoublings bounds the doublings: an instance is idle for at most eight times as long.
	maxDoublings = 3
	// soonAfter is the time after a removal in which a rise shows that it came too early, and
	// forgetAfter is the time without one after which a doubling is taken back, in idle times.
	soonAfter, forgetAfter = 2, 4
)

// idle returns how long an instance must have been idle before it may be removed: the
// setting, and longer after a removal that came too early.
func (s *Scaler) idle() time.Duration { return s.settings.Idle << s.delay.doublings }

// lowered records that the target falls.
func (s *Scaler) lowered(now time.Time) {
	d := &s.delay
	for d.doublings > 0 && now.Sub(d.since) > forgetAfter*s.idle() {
		d.since = d.since.Add(forgetAfter * s.idle())
		d.doublings--
	}
	d.fell = now
}

// rose records that the target rises.
func (s *Scaler) rose(now time.Time) {
	d := &s.delay
	if !d.fell.IsZero() && now.Sub(d.fell) < soonAfter*s.idle() {
		d.doublings = min(d.doublings+1, maxDoublings)
		d.since = now
	}
	d.fell = time.Time{}
}
