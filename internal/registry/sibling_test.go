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

// TestSiblingsSharePlaces: what is free is for the sibling whose requests wait, while this
// process has its part.
func TestSiblingsSharePlaces(t *testing.T) {
	t.Parallel()
	r := New(Options{MaxConcurrency: 2, QueueLimit: 10, QueueTimeout: time.Minute})
	add(t, r, Ready)
	add(t, r, Ready)
	leases := []Lease{acquire(t, r), acquire(t, r), acquire(t, r)}
	r.UpdateSibling("s", Report{Waiting: 1, Usable: 2})
	var granted []Lease
	w := &Waiter{Grant: func(l Lease, _ error) { granted = append(granted, l) }}
	if lease, err := r.Enqueue(w); lease.Valid() || err != nil {
		t.Fatalf("got %v, %v with 3 of 4 places", lease, err)
	}
	leases[0].Release()
	if len(granted) > 0 {
		t.Error("got a place of the sibling's part")
	}
	leases[1].Release()
	if len(granted) != 1 {
		t.Error("got no place of its own part")
	}
	second := &Waiter{Grant: w.Grant}
	if lease, err := r.Enqueue(second); lease.Valid() || err != nil {
		t.Fatalf("got %v, %v with 2 of 4 places", lease, err)
	}
	for _, idle := range []Report{{Waiting: 1}, {Usable: 2}} { // its requests cannot use a place, or none waits
		r.UpdateSibling("s", Report{Waiting: 1, Usable: 2})
		before := len(granted)
		if _, err := r.Enqueue(&Waiter{Grant: w.Grant}); err != nil {
			t.Fatal(err)
		}
		r.UpdateSibling("s", idle)
		if len(granted) == before {
			t.Errorf("%+v: places are kept free", idle)
		}
		granted[len(granted)-1].Release()
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
