package registry

import (
	"math/rand/v2"
	"testing"
	"time"
)

// fleetOf is a registry of n ready instances in time that passes when now changes, and
// the time that each instance takes for a response.
type fleetOf struct {
	*Registry
	now   time.Time
	times map[ID]func() time.Duration
	ids   []ID
}

func newFleet(t *testing.T, n int, o Options, took func() time.Duration) *fleetOf {
	f := &fleetOf{now: time.Unix(1700000000, 0), times: make(map[ID]func() time.Duration)}
	f.Registry = NewWithClock(o, func() time.Time { return f.now })
	for range n {
		id := add(t, f.Registry, Ready)
		f.ids, f.times[id] = append(f.ids, id), took
	}
	return f
}

// respond makes n rounds in which each instance that can be had gets a request.
func (f *fleetOf) respond(t *testing.T, n int) (counts map[ID]int) {
	t.Helper()
	counts = make(map[ID]int)
	for range n {
		var leases []Lease
		for range f.ids {
			l, err := f.Try(Preference{})
			if err != nil {
				t.Fatal(err)
			}
			if l.Valid() {
				counts[l.ID()]++
				leases = append(leases, l)
			}
		}
		f.now = f.now.Add(100 * time.Millisecond)
		for _, l := range leases {
			l.Responded(f.times[l.ID()](), 200)
			l.Release()
		}
	}
	return counts
}

func constant(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

// TestSlowInstance checks that an instance that is much slower than the others gets a
// request only now and then, and its share when it is as fast again.
func TestSlowInstance(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 4, Options{MaxConcurrency: 1, QueueLimit: 100, QueueTimeout: time.Minute}, constant(10*time.Millisecond))
	slow := f.ids[0]
	f.times[slow] = constant(100 * time.Millisecond)
	f.respond(t, 50)
	if n := f.respond(t, 200)[slow]; n < 2 || n > 8 {
		t.Errorf("it got %d requests in 20 s, want one in 5 s", n)
	}
	f.times[slow] = constant(10 * time.Millisecond)
	f.respond(t, 200)
	if n := f.respond(t, 100)[slow]; n != 100 {
		t.Errorf("it got %d of 100 requests after it had recovered", n)
	}
}

// TestSlowInstanceServesTheQueue checks that a slow instance gets requests when many wait,
// and when there is no other one.
func TestSlowInstanceServesTheQueue(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2, Options{MaxConcurrency: 1, QueueLimit: 100, QueueTimeout: time.Minute}, constant(10*time.Millisecond))
	slow := f.ids[0]
	f.times[slow] = constant(100 * time.Millisecond)
	f.respond(t, 50)
	fast, got := acquire(t, f.Registry), 0
	if fast.ID() == slow {
		t.Fatal("the slow instance was picked first")
	}
	for range 30 {
		_, _ = f.Enqueue(&Waiter{Grant: func(l Lease, _ error) {
			if l.ID() == slow {
				got++
			}
		}})
	}
	fast.Release()
	if got != 1 {
		t.Errorf("it got %d of 30 requests that wait", got)
	}
	alone := newFleet(t, 2, Options{MaxConcurrency: 1}, constant(10*time.Millisecond))
	alone.times[alone.ids[0]] = constant(100 * time.Millisecond)
	alone.respond(t, 50)
	if err := alone.Transition(alone.ids[1], Unhealthy, "test"); err != nil {
		t.Fatal(err)
	}
	if l := acquire(t, alone.Registry); l.ID() != alone.ids[0] {
		t.Error("the only instance was not picked")
	}
}

// TestSlowWithoutALimit checks that without a limit a slow instance takes what the others
// have more of than it is slower.
func TestSlowWithoutALimit(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 4, Options{}, constant(10*time.Millisecond))
	slow := f.ids[0]
	f.times[slow] = constant(100 * time.Millisecond)
	f.respond(t, 50)
	counts := make(map[ID]int)
	for range 100 {
		counts[acquire(t, f.Registry).ID()]++
	}
	if n := counts[slow]; n < 10 || n > 22 {
		t.Errorf("it got %d of 100 requests at once, others have %v", n, counts)
	}
}

// TestRandomIsNotSlow checks that no instance is taken for a slow one by chance.
func TestRandomIsNotSlow(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	f := newFleet(t, 8, Options{MaxConcurrency: 1}, func() time.Duration {
		return time.Duration(random.ExpFloat64() * float64(50*time.Millisecond))
	})
	for id, n := range f.respond(t, 3000) {
		if n != 3000 {
			t.Errorf("instance %s got %d of 3000 requests", id, n)
		}
	}
}
