package autoscaler

import "time"

// regret puts removals off that were too early. When the target rises again soon after
// it fell, the instances that were removed are wanted again, and the next removal waits
// twice as long. A time without that takes the penalty back. uWSGI multiplies the time
// before a removal in the same way.
type regret struct {
	times int       // by which power of two removals are put off
	fell  time.Time // when the target last fell; zero when it has risen since
	since time.Time // when times last changed
}

const (
	// maxRegret is the largest number of times: removals wait at most eight times as long.
	maxRegret = 3
	// soonAfter is the time after a removal in which a rise regrets it, and forgetAfter is
	// the time without one after which a penalty is taken back, in idle times.
	soonAfter, forgetAfter = 2, 4
)

// idle returns how long an instance must have been idle before it may be removed: the
// setting, and longer after a removal that was regretted.
func (s *Scaler) idle() time.Duration { return s.settings.Idle << s.regret.times }

// lowered records that the target falls.
func (s *Scaler) lowered(now time.Time) {
	r := &s.regret
	for r.times > 0 && now.Sub(r.since) > forgetAfter*s.idle() {
		r.since = r.since.Add(forgetAfter * s.idle())
		r.times--
	}
	r.fell = now
}

// rose records that the target rises.
func (s *Scaler) rose(now time.Time) {
	r := &s.regret
	if !r.fell.IsZero() && now.Sub(r.fell) < soonAfter*s.idle() {
		r.times = min(r.times+1, maxRegret)
		r.since = now
	}
	r.fell = time.Time{}
}
