package registry

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// fleetOf returns a registry with n ready instances, and a lease on each.
func claimEach(t *testing.T, n int, options Options) (*Registry, []Lease) {
	t.Helper()
	r := New(options)
	var leases []Lease
	for range n {
		add(t, r, Ready)
	}
	for range n {
		leases = append(leases, acquire(t, r))
	}
	for i := range leases {
		if leases[i].ID() != r.instances[i].id {
			t.Fatal("not in start order")
		}
	}
	return r, leases
}

// breakDown reports the failures that eject the instance of l.
func breakDown(l Lease) {
	for range ejectAfter {
		l.Failed("broke")
	}
}

// ejected returns the indexes of the ejected instances.
func ejected(r *Registry) (indexes []int) {
	for i, in := range r.Snapshot().Instances {
		if !in.EjectedUntil.IsZero() {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

func TestEjectionCauses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		fail    func(l Lease)
		ejected bool
	}{
		{"five broken exchanges", breakDown, true},
		{"four", func(l Lease) {
			for range 4 {
				l.Failed("broke")
			}
		}, false},
		{"gateway errors", func(l Lease) {
			for _, status := range []int{502, 503, 504, 502, 503} {
				l.Responded(0, status)
			}
		}, true},
		{"both", func(l Lease) {
			for range 3 {
				l.Responded(0, 502)
				l.Failed("broke")
			}
		}, true},
		{"500", func(l Lease) {
			for range 1000 {
				l.Responded(0, 500)
			}
		}, false},
		{"a success in between", func(l Lease) {
			for range 100 {
				l.Failed("broke")
				l.Responded(0, 503)
				l.Responded(0, 404)
			}
		}, false},
		{"a 500 in between", func(l Lease) {
			for range 100 {
				l.Failed("broke")
				l.Responded(0, 500)
			}
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, leases := claimEach(t, 2, Options{})
			c.fail(leases[0])
			if got := len(ejected(r)) > 0; got != c.ejected {
				t.Errorf("ejected: %v, want %v", got, c.ejected)
			}
		})
	}
}

// TestEjection: an ejected instance stays ready and gets no requests until its
// ejection is over.
func TestEjection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, leases := claimEach(t, 2, Options{})
		changed, stop := r.Watch()
		defer stop()
		o := new(observer)
		r.Observe(o)
		breakDown(leases[0])
		<-changed
		got := snapshotOf(t, r, leases[0].ID())
		if want := time.Now().Add(30 * time.Second); got.State != Ready || !got.EjectedUntil.Equal(want) {
			t.Errorf("%v, ejected until %v, want %v", got.State, got.EjectedUntil, want)
		}
		want := []told{{got.ID, Unhealthy, "ejected for 30s after 5 failures in a row: broke"}}
		if !slices.Equal(o.moves, want) {
			t.Errorf("the observer got %v, want %v", o.moves, want)
		}
		for range 100 {
			if acquire(t, r).ID() == got.ID {
				t.Fatal("it got a request")
			}
		}
		time.Sleep(30*time.Second - time.Nanosecond)
		if acquire(t, r).ID() == got.ID {
			t.Error("it got a request before the end of its ejection")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if acquire(t, r).ID() != got.ID || len(ejected(r)) != 0 {
			t.Error("it got no request after its ejection")
		}
		want = append(want, told{got.ID, Ready, "its ejection is over"})
		if !slices.Equal(o.moves, want) {
			t.Errorf("the observer got %v, want %v", o.moves, want)
		}
	})
}

// TestEjectionsGrow: each ejection is longer by the base time, up to ten of it. Each
// base time in service makes the next one shorter again.
func TestEjectionsGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, leases := claimEach(t, 2, Options{Ejection: time.Second})
		eject := func() time.Duration {
			breakDown(leases[0])
			lasts := time.Until(snapshotOf(t, r, leases[0].ID()).EjectedUntil)
			time.Sleep(lasts)
			synctest.Wait()
			return lasts
		}
		for i := range 12 {
			if got, want := eject(), time.Duration(min(i+1, 10))*time.Second; got != want {
				t.Fatalf("ejection %d lasts %v, want %v", i+1, got, want)
			}
		}
		time.Sleep(4 * time.Second)
		if got, want := eject(), 7*time.Second; got != want {
			t.Errorf("after four times the base in service it lasts %v, want %v", got, want)
		}
		time.Sleep(time.Hour)
		if got, want := eject(), time.Second; got != want {
			t.Errorf("after an hour in service it lasts %v, want %v", got, want)
		}
	})
}

// TestEjectionSparesHalf: of n ready instances at most n/2 are ejected at once.
func TestEjectionSparesHalf(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{1: 0, 2: 1, 3: 1, 4: 2, 5: 2, 9: 4} {
		r, leases := claimEach(t, n, Options{})
		for _, l := range leases {
			breakDown(l)
		}
		if got := ejected(r); len(got) != want {
			t.Errorf("%d of %d ejected, want %d", len(got), n, want)
		}
	}
}

// TestEjectedServeWithoutAnotherInstance: ejected instances get requests as long as no
// other one is ready.
func TestEjectedServeWithoutAnotherInstance(t *testing.T) {
	t.Parallel()
	r, leases := claimEach(t, 2, Options{})
	breakDown(leases[0])
	move(t, r, leases[1].ID(), Unhealthy)
	if acquire(t, r).ID() != leases[0].ID() {
		t.Error("the ejected instance got no request")
	}
	move(t, r, leases[1].ID(), Ready)
	for range 10 {
		if acquire(t, r).ID() != leases[1].ID() {
			t.Error("the ejected instance got a request beside another one")
		}
	}
}

// TestEjectedInstancesChangeState: ejected instances change their state like others.
func TestEjectedInstancesChangeState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, leases := claimEach(t, 5, Options{})
		breakDown(leases[0])
		breakDown(leases[1])
		drained, err := r.Drain(leases[0].ID(), "test")
		if err != nil {
			t.Fatal(err)
		}
		if !snapshotOf(t, r, leases[0].ID()).EjectedUntil.IsZero() {
			t.Error("an instance that drains is shown as ejected")
		}
		leases[0].Release()
		<-drained
		move(t, r, leases[0].ID(), Stopped)
		move(t, r, leases[1].ID(), Unhealthy)
		time.Sleep(time.Second)
		move(t, r, leases[1].ID(), Ready)
		if got := ejected(r); !slices.Equal(got, []int{0}) {
			t.Errorf("ejected: %v; a health check does not end an ejection", got)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := ejected(r); len(got) != 0 {
			t.Errorf("ejected: %v", got)
		}
	})
}

// TestEndOfEjectionServesWaiters: a request that waits because the other instances are
// at the cap is served when an ejection ends.
func TestEndOfEjectionServesWaiters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, leases := claimEach(t, 2, Options{MaxConcurrency: 1, QueueLimit: 1, QueueTimeout: time.Hour})
		breakDown(leases[0])
		leases[0].Release()
		waiting := waitIn(t.Context(), r)
		time.Sleep(29 * time.Second)
		select {
		case g := <-waiting:
			t.Fatalf("served by %v", g)
		default:
		}
		time.Sleep(time.Second)
		if g := <-waiting; g.err != nil || g.lease.ID() != leases[0].ID() {
			t.Errorf("got %+v", g)
		}
		if got := snapshotOf(t, r, leases[0].ID()); got.InFlight != 1 {
			t.Errorf("%d in flight", got.InFlight)
		}
	})
}

// TestAnother: Another never claims the same instance.
func TestAnother(t *testing.T) {
	t.Parallel()
	r, leases := claimEach(t, 2, Options{MaxConcurrency: 2, QueueLimit: 1, QueueTimeout: time.Hour})
	leases[0].Failed("broke")
	other, err := leases[0].Another(Preference{})
	if err != nil || other.ID() != leases[1].ID() {
		t.Fatalf("got %v, %v", other.ID(), err)
	}
	if lease, err := leases[0].Another(Preference{}); err != nil || lease.Valid() {
		t.Errorf("beyond the cap: %v, %v", lease.ID(), err)
	}
	if acquire(t, r).ID() != leases[0].ID() {
		t.Error("one failure excludes the instance from later claims")
	}
	if lease, err := (Lease{}).Another(Preference{}); err != nil || lease.Valid() {
		t.Errorf("of no claim: %v, %v", lease, err)
	}
	r.Configure(Options{MaxConcurrency: 3, QueueLimit: 1})
	r.Close()
	if lease, err := leases[0].Another(Preference{}); err == nil {
		t.Errorf("after Close: %v", lease)
	}
}
