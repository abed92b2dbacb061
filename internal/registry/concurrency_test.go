package registry

import (
	"math"
	"testing"
	"time"
)

// observeLevels makes c observe responses of an app at levels that go up and down, for a
// time. took returns the response time at a level.
func observeLevels(c *concurrency, from, to time.Duration, highest int32, took func(level int32) time.Duration) {
	level, up := int32(1), true
	for now := from; now < to; now += 20 * time.Millisecond {
		c.observe(now, level, level, took(level))
		switch {
		case level == highest:
			up = false
		case level == 1:
			up = true
		}
		switch {
		case highest == 1:
		case up:
			level++
		default:
			level--
		}
	}
}

// TestConcurrency: the limit is what an instance works on at the same time.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	const service = 50 * time.Millisecond
	workers := func(n int32) func(int32) time.Duration {
		return func(level int32) time.Duration { return service * time.Duration(max(n, level)) / time.Duration(n) }
	}
	for _, c := range []struct {
		name     string
		took     func(int32) time.Duration
		low, top int32 // of the limit
	}{
		{"one at a time", workers(1), 1, 1},
		{"four at a time", workers(4), 4, 7},
		{"any number", workers(math.MaxInt32), math.MaxInt32, math.MaxInt32},
		{"short work", func(level int32) time.Duration { return time.Duration(level) * time.Millisecond / 10 }, 100, math.MaxInt32},
		{"some gain", func(level int32) time.Duration { return service * time.Duration(10+7*level) / 17 }, 3, 15},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var learned concurrency
			observeLevels(&learned, 0, 20*time.Second, 24, c.took)
			if limit, useful := learned.limit(); limit < c.low || limit > c.top {
				t.Errorf("limit %d, useful %d; want %d to %d", limit, useful, c.low, c.top)
			}
		})
	}
}

// TestConcurrencySlowerWork: when the work of all requests gets slower, an app that
// works on any number of them is not limited.
func TestConcurrencySlowerWork(t *testing.T) {
	t.Parallel()
	var learned concurrency
	now := time.Duration(0)
	for _, slower := range []int32{1, 10, 1, 20} {
		took := func(int32) time.Duration { return time.Duration(slower) * 20 * time.Millisecond }
		observeLevels(&learned, now, now+5*time.Second, 16*slower, took)
		now += 5 * time.Second
		if limit, _ := learned.limit(); limit != math.MaxInt32 {
			t.Errorf("limit %d at work %d times as slow, want none", limit, slower)
		}
	}
}

// TestLimitTrial: a limit is lifted when more requests give more responses, and stands
// when they do not.
func TestLimitTrial(t *testing.T) {
	t.Parallel()
	slow := func(level int32) time.Duration { return time.Duration(level) * 50 * time.Millisecond }
	for name, c := range map[string]struct {
		gain float64 // of the raised limit
		want int32
	}{"stands": {1, 1}, "is lifted": {2, math.MaxInt32}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var learned concurrency
			observeLevels(&learned, 0, 10*time.Second, 8, slow)
			if limit, _ := learned.limit(); limit != 1 {
				t.Fatalf("limit %d, want 1", limit)
			}
			in := trialInput{waiting: true, ready: 1}
			now, raisedOnce := 10*time.Second, false
			for range 1000 {
				every := 10 * time.Millisecond
				if learned.trial.phase == raised {
					raisedOnce = true
					every = time.Duration(float64(every) / c.gain)
				}
				now += every
				in.responses++
				learned.try(now, in)
			}
			if limit, _ := learned.limit(); limit != c.want || !raisedOnce {
				t.Errorf("limit %d after a trial (%v), want %d", limit, raisedOnce, c.want)
			}
		})
	}
}

// TestAutoConcurrency: requests beyond what an instance works on wait in the queue.
func TestAutoConcurrency(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	r := NewWithClock(Options{MaxConcurrency: AutoConcurrency, QueueLimit: 10}, func() time.Time { return now })
	add(t, r, Ready)
	for n := range 400 {
		var leases []Lease
		for range n%5 + 1 {
			lease, err := r.Try(Preference{})
			if err != nil {
				t.Fatal(err)
			}
			if lease.Valid() {
				leases = append(leases, lease)
			}
		}
		for i, lease := range leases {
			now = now.Add(50 * time.Millisecond)
			lease.Responded(time.Duration(i+1)*50*time.Millisecond, 200)
			lease.Release()
		}
	}
	s := r.Snapshot()
	if s.Concurrency != 1 || math.Abs(s.Capacity-20) > 4 {
		t.Errorf("concurrency %d, capacity %v/s; want 1 and 20/s", s.Concurrency, s.Capacity)
	}
	first := acquire(t, r)
	if lease, err := r.Try(Preference{}); err != nil || lease.Valid() {
		t.Errorf("a second request got the instance: %v, %v", lease, err)
	}
	r.Configure(Options{QueueLimit: 10})
	if lease, _ := r.Try(Preference{}); !lease.Valid() {
		t.Error("no instance without a limit")
	}
	first.Release()
}

// TestCapacityByChance checks that a single quick response does not count as the capacity of
// an instance when there are many at a limit above.
func TestCapacityByChance(t *testing.T) {
	t.Parallel()
	var learned concurrency
	learned.observe(0, 1, 1, 5*time.Millisecond)
	learned.suspect(1)
	for n := range 50 {
		learned.observe(time.Duration(n)*50*time.Millisecond, 2, 2, 100*time.Millisecond)
	}
	if capacity := learned.capacity(); capacity > 21 {
		t.Errorf("capacity %.0f per second, want 20", capacity)
	}
}
