package registry

import (
	"errors"
	"testing"
	"time"
)

// loadOf returns what a sibling tells of one instance.
func loadOf(id ID, inFlight, streams int) Report {
	return Report{Loads: []SiblingLoad{{ID: id, InFlight: inFlight, Streams: streams}}}
}

// TestSiblingLoadCounts: the requests of a sibling count at an instance like those of this
// process, and are not told to other siblings.
func TestSiblingLoadCounts(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	a, b := add(t, r, Ready), add(t, r, Ready)
	r.UpdateSibling("s", loadOf(a, 3, 1))
	r.UpdateSibling("t", loadOf(a, 1, 0))
	for range 3 {
		if got := acquire(t, r).ID(); got != b {
			t.Fatal("an instance that siblings keep busy was picked")
		}
	}
	acquire(t, r)
	in := snapshotOf(t, r, a)
	if in.InFlight+snapshotOf(t, r, b).InFlight != 8 || in.AtSiblings != (Elsewhere{4, 1}) || !in.IdleSince.IsZero() {
		t.Errorf("%+v", in)
	}
	told := 0
	for _, load := range r.Report(nil).Loads {
		told += load.InFlight
	}
	if told != 4 || r.Siblings() != 2 {
		t.Errorf("%d of 4 are reported, %d siblings", told, r.Siblings())
	}
	if own := r.InFlight(); own[a].InFlight+own[b].InFlight != 4 {
		t.Errorf("own: %v", own)
	}
	r.UpdateSibling("s", Report{Whole: true, Loads: []SiblingLoad{{ID: b, InFlight: 1}}})
	if in := snapshotOf(t, r, a); in.AtSiblings != (Elsewhere{1, 0}) {
		t.Errorf("after a report of the whole: %+v", in.AtSiblings)
	}
	r.ForgetSibling("t")
	r.ForgetSibling("nobody")
	if in := snapshotOf(t, r, a); in.AtSiblings != (Elsewhere{}) {
		t.Errorf("after they have gone: %+v", in)
	}
}

// TestSiblingKnowsInstanceFirst: what a sibling has told of an instance counts from the time
// when this process knows it.
func TestSiblingKnowsInstanceFirst(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	r.UpdateSibling("s", loadOf("x", 2, 0))
	id := r.Add(Spec{ID: "x"})
	if in := snapshotOf(t, r, id); in.InFlight != 2 {
		t.Errorf("%d in flight, want 2", in.InFlight)
	}
	move(t, r, id, Ready)
	drained, err := r.Drain(id, "test")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-drained:
		t.Error("drained while a sibling has requests")
	default:
	}
	r.ForgetSibling("s")
	<-drained
}

// TestSiblingDrains: an instance that a sibling drains gets no requests, unless there is no
// other one.
func TestSiblingDrains(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	a, b := add(t, r, Ready), add(t, r, Ready)
	drain := func(id ID, draining bool) {
		r.UpdateSibling("s", Report{Loads: []SiblingLoad{{ID: id, Draining: draining}}})
	}
	pick := func(want ID) {
		t.Helper()
		lease := acquire(t, r)
		defer lease.Release()
		if want != "" && lease.ID() != want {
			t.Errorf("picked another one than %s", want)
		}
	}
	pick(a)
	drain(a, true)
	pick(b)
	drain(b, true)
	pick("") // any is better than none
	drain(b, false)
	pick(b)
	r.ForgetSibling("s")
	pick(a)
}

// TestSiblingCounts: the figures that the autoscaler reads are those of all siblings, from the
// time on when they are known.
func TestSiblingCounts(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	changed, stop := r.Watch()
	defer stop()
	r.UpdateSibling("s", Report{Arrivals: 100, Responses: 90, ServiceTime: time.Hour})
	r.UpdateSibling("s", Report{Arrivals: 107, Responses: 95, ServiceTime: time.Hour + time.Second, Waiting: 2})
	select {
	case <-changed:
	default:
		t.Error("nothing tells that requests wait")
	}
	now := r.Snapshot()
	if now.Arrivals != 7 || now.Responses != 5 || now.ServiceTime != time.Second || now.Waiting != 2 || now.WaitingAtSiblings != 2 || now.Siblings != 1 {
		t.Errorf("%+v", now)
	}
	if own := r.Report(nil); own.Arrivals != 0 || own.Responses != 0 || own.ServiceTime != 0 || own.Waiting != 0 {
		t.Errorf("told on: %+v", own)
	}
	r.ForgetSibling("s")
	if now := r.Snapshot(); now.Arrivals != 7 || now.Waiting != 0 {
		t.Errorf("after it has gone: %+v", now)
	}
}

// TestOrderAmongSiblings: a free place is for the request that has waited longest, also if that
// is at a sibling, as long as that takes it and says so.
func TestOrderAmongSiblings(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	waits := Report{Waiting: 1, Usable: 1, Oldest: 5 * ms}
	for name, c := range map[string]struct {
		since time.Duration // when the request of this process comes
		told  []Report      // one each 10 ms from 10 ms on
		free  int           // with which of these the place becomes free
		want  bool          // it gets the place
	}{
		"alone":                     {0, []Report{{Usable: 1}}, 0, true},
		"before it":                 {0, []Report{waits}, 0, true},
		"after it":                  {8 * ms, []Report{waits}, 0, false},
		"after one that cannot":     {8 * ms, []Report{{Waiting: 1, Oldest: 5 * ms}}, 0, true},
		"after one that has gone":   {8 * ms, []Report{waits, {Usable: 1}}, 0, true},
		"after one that is silent":  {8 * ms, []Report{waits, {}, {}, {}}, 3, true},
		"after one that is not had": {8 * ms, []Report{waits, {Waiting: 1, Usable: 1, Oldest: 15 * ms}, {Waiting: 1, Usable: 1, Oldest: 25 * ms}}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, now := time.Unix(0, 0), time.Duration(0)
			r := NewWithClock(Options{MaxConcurrency: 1, QueueLimit: 10, QueueTimeout: time.Minute}, func() time.Time { return base.Add(now) })
			add(t, r, Ready)
			r.UpdateSibling("s", Report{Usable: 1})
			lease := acquire(t, r)
			granted := false
			w := &Waiter{Grant: func(l Lease, _ error) { granted = l.Valid() }}
			now = c.since
			if l, err := r.Enqueue(w); l.Valid() || err != nil {
				t.Fatalf("got %v, %v", l, err)
			}
			for i, told := range c.told {
				now = 10 * ms * time.Duration(1+i)
				if told.Waiting+told.Usable > 0 {
					r.UpdateSibling("s", told)
				}
				if i == c.free {
					lease.Release()
				}
			}
			r.mu.Lock()
			r.dispatchLocked()
			r.mu.Unlock()
			if granted != c.want {
				t.Errorf("granted %t, want %t", granted, c.want)
			}
		})
	}
}

// TestNewRequestsOfSiblings: a request that comes gets a place only if there are more of them
// than requests that wait at siblings.
func TestNewRequestsOfSiblings(t *testing.T) {
	t.Parallel()
	r := New(Options{MaxConcurrency: 2, QueueLimit: 10, QueueTimeout: time.Minute})
	add(t, r, Ready)
	r.UpdateSibling("s", Report{Waiting: 1, Usable: 1})
	if l, err := r.Try(Preference{}); err != nil || !l.Valid() {
		t.Errorf("got %v, %v of two places", l, err)
	}
	if l, err := r.Try(Preference{}); err != nil || l.Valid() {
		t.Errorf("got %v, %v, the place of the sibling", l, err)
	}
}

// TestSiblingsShareQueue: the limit of the queue is for all, and each has its part of it.
func TestSiblingsShareQueue(t *testing.T) {
	t.Parallel()
	r := New(Options{QueueLimit: 4, QueueTimeout: time.Minute})
	wait := func() error {
		_, err := r.Enqueue(&Waiter{Grant: func(Lease, error) {}})
		return err
	}
	r.UpdateSibling("s", Report{Waiting: 4})
	for range 2 {
		if err := wait(); err != nil {
			t.Errorf("its part: %v", err)
		}
	}
	if err := wait(); !errors.Is(err, ErrQueueFull) {
		t.Errorf("beyond its part: %v", err)
	}
	r.UpdateSibling("s", Report{Waiting: 1})
	if err := wait(); err != nil {
		t.Errorf("what the sibling does not use: %v", err)
	}
	if err := wait(); !errors.Is(err, ErrQueueFull) {
		t.Errorf("beyond the limit: %v", err)
	}
	r.ForgetSibling("s")
	if err := wait(); err != nil {
		t.Errorf("alone: %v", err)
	}
}

// TestSiblingsChooseDifferentInstances: of idle ones, each sibling has some of its own, on
// which all agree, and takes another one only when these are busy.
func TestSiblingsChooseDifferentInstances(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c"}
	chosen := map[ID]string{}
	for _, own := range names {
		r := New(Options{})
		r.NameSelf(own)
		for i := range 60 {
			id := ID([]byte{'i', byte(i)})
			r.Add(Spec{ID: id})
			move(t, r, id, Ready)
		}
		for _, name := range names {
			if name != own {
				r.UpdateSibling(name, Report{})
			}
		}
		n := 0
		for in := r.pickLocked(&Preference{}, nil); in.traffic.foreign == 0; in = r.pickLocked(&Preference{}, nil) {
			if chosen[in.id] != "" {
				t.Fatalf("%s is chosen by %s and %s", in.id, chosen[in.id], own)
			}
			chosen[in.id] = own
			in.leaseLocked(Origin{})
			n++
		}
		if n < 10 || n > 30 {
			t.Errorf("%s has %d of 60", own, n)
		}
	}
	if len(chosen) != 60 {
		t.Errorf("%d of 60 are chosen", len(chosen))
	}
}

// TestSiblingNonsense: what a sibling says does no harm.
func TestSiblingNonsense(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	id := add(t, r, Ready)
	for _, load := range []SiblingLoad{{id, 1 << 62, -5, false}, {id, -3, 1 << 62, false}, {"other", 1, 1, true}} {
		r.UpdateSibling("s", Report{Loads: []SiblingLoad{load}, Waiting: -1 << 62})
		if in := snapshotOf(t, r, id); in.InFlight < 0 || in.Streams < 0 || in.Streams > in.InFlight {
			t.Errorf("%+v: %+v", load, in)
		}
	}
	r.ForgetSibling("s")
	if in := snapshotOf(t, r, id); in.InFlight != 0 || in.Streams != 0 {
		t.Errorf("%+v", in)
	}
}
