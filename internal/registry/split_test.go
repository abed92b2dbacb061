package registry

import (
	"math"
	"testing"
	"time"
)

// stage registers a staged instance that is ready.
func stage(t *testing.T, r *Registry) ID {
	t.Helper()
	id := r.Add(Spec{Version: "v2", Staged: true})
	if err := r.Transition(id, Ready, "test"); err != nil {
		t.Fatal(err)
	}
	return id
}

// TestShareIsExact: staged instances get their share to a request, and the least loaded of
// each kind gets it.
func TestShareIsExact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		share  float64
		staged int // of 1,000
	}{{0, 0}, {0.001, 1}, {0.1, 100}, {0.25, 250}, {0.333, 333}, {0.5, 500}, {0.9, 900}, {1, 1000}} {
		r := New(Options{})
		add(t, r, Ready)
		add(t, r, Ready)
		first, second := stage(t, r), stage(t, r)
		r.SetShare(c.share)
		picks := map[ID]int{}
		for range 1000 {
			picks[acquire(t, r).ID()]++ // none ends, so each gets as many as the other
		}
		if got := picks[first] + picks[second]; got != c.staged {
			t.Errorf("share %v: %d requests of 1000 to staged instances, want %d", c.share, got, c.staged)
		}
		if d := picks[first] - picks[second]; d < -1 || d > 1 {
			t.Errorf("share %v: %d and %d requests to the staged instances", c.share, picks[first], picks[second])
		}
	}
}

// TestStagedInstancesAtTheCap: the others take over the requests, but not the other way
// round, and a request that waits gets an instance as soon as there is one.
func TestStagedInstancesAtTheCap(t *testing.T) {
	t.Parallel()
	r := New(Options{MaxConcurrency: 1, QueueLimit: 10, QueueTimeout: time.Minute})
	old := add(t, r, Ready)
	staged := stage(t, r)
	r.SetShare(0.5)
	var leases [2]Lease
	for i := range leases {
		leases[i] = acquire(t, r)
	}
	if leases[0].ID() != old || leases[1].ID() != staged {
		t.Fatal("want one request at each")
	}
	granted := make(chan ID, 1)
	if _, err := r.Enqueue(&Waiter{Grant: func(l Lease, _ error) { granted <- l.ID() }}); err != nil {
		t.Fatal(err)
	}
	leases[1].Release() // it is the turn of the other
	if len(granted) > 0 {
		t.Fatal("a request of the others went to a staged instance")
	}
	leases[0].Release()
	if id := <-granted; id != old {
		t.Error("the request that waited went to a staged instance")
	}
	r.SetShare(1)
	acquire(t, r) // the staged one is at the cap
	if lease, err := r.Try(Preference{}); err != nil || lease.Valid() {
		t.Errorf("both are at the cap: %v, %v", lease.ID(), err)
	}
}

// TestStagedTakesOver: when no other instance is ready, staged ones get all requests.
func TestStagedTakesOver(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	old := add(t, r, Ready)
	staged := stage(t, r)
	if id := acquire(t, r).ID(); id != old {
		t.Error("a staged instance got a request without a share")
	}
	if err := r.Transition(old, Unhealthy, "test"); err != nil {
		t.Fatal(err)
	}
	if id := acquire(t, r).ID(); id != staged {
		t.Error("the only ready instance got no request")
	}
	if err := r.Transition(old, Ready, "test"); err != nil {
		t.Fatal(err)
	}
	if id := acquire(t, r).ID(); id != old {
		t.Error("the split is not in effect again")
	}
}

// TestRetryLeavesStaged: a request that failed on a staged instance is tried on another
// kind of instance, and one that failed on the only other one on a staged instance.
func TestRetryLeavesStaged(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	old := add(t, r, Ready)
	staged := stage(t, r)
	stage(t, r)
	r.SetShare(1)
	lease := acquire(t, r)
	if lease.ID() != staged {
		t.Fatal("want a staged instance")
	}
	if other, err := lease.Another(Preference{}); err != nil || other.ID() != old {
		t.Errorf("another instance is %v (%v), want the one that is not staged", other.ID(), err)
	}
	r.SetShare(0)
	if other, err := acquire(t, r).Another(Preference{}); err != nil || !other.in.staged {
		t.Errorf("another instance is %v (%v), want a staged one", other.ID(), err)
	}
}

// TestSessionsKeepTheirKind: an instance that a session names gets its requests, and other
// sessions stay with one kind, of which the share is about right.
func TestSessionsKeepTheirKind(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	old := add(t, r, Ready)
	staged := stage(t, r)
	r.SetShare(0.3)
	for _, own := range []ID{old, staged} {
		p := Preference{Key: []byte("session"), Rank: func(_ []byte, id ID) int {
			if id == own {
				return math.MaxInt
			}
			return 0
		}}
		for range 10 {
			if id := acquireWith(t, r, p).ID(); id != own {
				t.Fatalf("a request went to %v, its session is at %v", id, own)
			}
		}
	}
	n := 0
	for i := range 1000 {
		p := Preference{Key: []byte{byte(i), byte(i >> 8)}, Rank: func([]byte, ID) int { return 1 }}
		first := acquireWith(t, r, p).ID()
		if again := acquireWith(t, r, p).ID(); again != first {
			t.Fatal("a session changed its instance")
		}
		if first == staged {
			n++
		}
	}
	if n < 200 || n > 400 {
		t.Errorf("%d of 1000 sessions at the staged instance, want about 300", n)
	}
}

func acquireWith(t *testing.T, r *Registry, p Preference) Lease {
	t.Helper()
	lease, err := r.Acquire(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

// TestSamples: what requests show counts for the kind of their instance.
func TestSamples(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	add(t, r, Ready)
	stage(t, r)
	r.SetShare(0.5)
	for i := range 200 {
		lease := acquire(t, r)
		switch {
		case !lease.in.staged:
			lease.Responded(10*time.Millisecond, 200)
		case i%20 == 1:
			lease.Failed("test")
		case i%20 == 3:
			lease.Responded(time.Millisecond, 500)
		case i%20 == 5: // the client left
		default:
			lease.Responded(100*time.Millisecond, 404)
		}
		lease.Release()
		lease.Release()
	}
	staged, others := r.Split()
	if others.Requests != 100 || others.Failures != 0 || others.Responses() != 100 {
		t.Errorf("others: %d requests, %d failures, %d responses", others.Requests, others.Failures, others.Responses())
	}
	if staged.Requests != 90 || staged.Failures != 20 || staged.Responses() != 70 {
		t.Errorf("staged: %d requests, %d failures, %d responses", staged.Requests, staged.Failures, staged.Responses())
	}
	if q := staged.Quantile(0.5); q < 100*time.Millisecond || q > 130*time.Millisecond {
		t.Errorf("median %v, want about 100 ms", q)
	}
	if n := staged.Slower(2 * others.Quantile(0.5)); n != 70 {
		t.Errorf("%d responses slower than twice the median of the others, want all 70", n)
	}
	if n := staged.Slower(time.Second); n != 0 {
		t.Errorf("%d responses slower than a second", n)
	}
	r.SetShare(0.1)
	if staged, others = r.Split(); staged.Requests+others.Requests != 0 {
		t.Error("another share does not begin other samples")
	}
}

// TestBucketsHoldTheirTimes: a response time is in the bucket that ends at or after it.
func TestBucketsHoldTheirTimes(t *testing.T) {
	t.Parallel()
	for d := time.Microsecond; d < time.Hour; d += d/7 + 1 {
		i := bucketOf(d)
		if end := bucketEnd(i); d.Truncate(time.Microsecond) > end || i > 8 && bucketEnd(i-1) > d {
			t.Errorf("%v is in bucket %d, from %v to %v", d, i, bucketEnd(i-1), end)
		}
	}
}

// TestUnstage: instances are like the others from then on.
func TestUnstage(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	add(t, r, Ready)
	id := stage(t, r)
	now := r.Snapshot()
	if in := now.Instances[1]; !in.Staged || in.Version != "v2" || len(now.RemovalOrder()) != 1 {
		t.Errorf("instance %+v, %d may be removed", in, len(now.RemovalOrder()))
	}
	r.Unstage()
	acquire(t, r)
	if got := acquire(t, r).ID(); got != id {
		t.Error("the busier instance got the request")
	}
	now = r.Snapshot()
	if in := now.Instances[1]; in.Staged || in.Version != "v2" || len(now.RemovalOrder()) != 2 {
		t.Errorf("instance %+v, %d may be removed", in, len(now.RemovalOrder()))
	}
}

// TestStagedAreEjectedApart: of the staged instances at most half are ejected, and of the
// others, however many there are of the other kind.
func TestStagedAreEjectedApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ staged, others int }{{1, 3}, {3, 1}, {2, 3}, {3, 2}, {2, 2}} {
		r := New(Options{})
		for range c.others {
			add(t, r, Ready)
		}
		for range c.staged {
			stage(t, r)
		}
		r.SetShare(0.5)
		leases := map[ID]Lease{}
		for range 2 * (c.staged + c.others) {
			l := acquire(t, r)
			leases[l.ID()] = l
		}
		for _, l := range leases {
			breakDown(l)
		}
		staged, others := 0, 0
		for _, in := range r.Snapshot().Instances {
			switch {
			case in.EjectedUntil.IsZero():
			case in.Staged:
				staged++
			default:
				others++
			}
		}
		if len(leases) != c.staged+c.others || staged != c.staged/2 || others != c.others/2 {
			t.Errorf("%+v: %d staged instances and %d others are ejected, of %d that failed", c, staged, others, len(leases))
		}
	}
}
