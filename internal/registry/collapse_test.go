package registry

import (
	"math"
	"testing"
	"time"
)

// TestBound checks that an instance gets no more requests than it responds to in half of
// the time that clients bear, and that there is a suspicion of each limit above.
func TestBound(t *testing.T) {
	t.Parallel()
	var c concurrency
	c.trial.before.best = 20 // per second
	c.collapse = collapse{gone: 300, seconds: 2}
	c.bound(150) // of all instances: clients leave after a second
	if limit, _ := c.limit(); limit != 7 {
		t.Errorf("limit %d, want 7: at most 10, of which a second has 20", limit)
	}
	c.lift(0)
	if limit, _ := c.limit(); limit != 15 {
		t.Errorf("limit %d after a trial has lifted 7, want 15", limit)
	}
	c.bound(150)
	c.bound(1500)
	if limit, _ := c.limit(); limit != 7 {
		t.Errorf("limit %d, want the lower one of two", limit)
	}
}

// TestCollapse checks that instances get fewer requests when almost every client leaves
// before the response. Of the limits that are not too high, the lowest one counts that
// was seen to give as many responses.
func TestCollapse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		responses int // of each instance per second, before clients left
		together  int // requests of an instance when its clients leave after a second
		want      int32
	}{
		"one at a time":              {20, 200, 1},
		"short requests":             {2000, 4000, 20},
		"there were no responses":    {0, 200, math.MaxInt32},
		"too few to know any better": {20, 2, math.MaxInt32},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1700000000, 0)
			r := NewWithClock(Options{MaxConcurrency: AutoConcurrency, QueueLimit: 10000}, func() time.Time { return now })
			add(t, r, Ready)
			for range 4 * c.responses {
				lease := acquire(t, r)
				now = now.Add(time.Second / time.Duration(c.responses))
				lease.Responded(time.Second/time.Duration(c.responses), 200)
				lease.Release()
			}
			var leases []Lease
			for range c.together {
				leases = append(leases, acquire(t, r))
			}
			for range 3 { // seconds, in which clients come and leave
				for i := range leases {
					now = now.Add(time.Second / time.Duration(c.together))
					leases[i].Release()
					if leases[i], _ = r.Try(Preference{}); !leases[i].Valid() {
						break
					}
				}
				if r.limit < math.MaxInt32 {
					break
				}
			}
			if r.limit != c.want {
				t.Errorf("limit %d, want %d", r.limit, c.want)
			}
		})
	}
}
