package registry

import (
	"testing"
	"testing/synctest"
	"time"
)

// answer makes one request that its instance answers at once with the status that
// status returns for it, and returns the instance.
func answer(t *testing.T, r *Registry, status func(ID) int) ID {
	t.Helper()
	lease := acquire(t, r)
	defer lease.Release()
	lease.Responded(time.Millisecond, status(lease.ID()))
	return lease.ID()
}

// TestFailingFastAttractsNoTraffic: an instance that answers at once with errors is
// the least busy one, and still gets hardly any requests.
func TestFailingFastAttractsNoTraffic(t *testing.T) {
	t.Parallel()
	for _, busy := range []int{0, 1, 8, 100} { // requests in flight at each of the others
		synctest.Test(t, func(t *testing.T) {
			r := New(Options{})
			sick := add(t, r, Ready)
			add(t, r, Ready)
			add(t, r, Ready)
			for range 3 * busy {
				acquire(t, r)
			}
			for range busy { // releases those of the first instance
				at, turn := r.instances[0].lastTaken()
				r.instances[0].releaseLocked(at, turn, 0)
			}
			got := 0
			for range 1000 {
				id := answer(t, r, func(id ID) int {
					if id == sick {
						return 500
					}
					return 200
				})
				if id == sick {
					got++
				}
				time.Sleep(10 * time.Millisecond)
			}
			if limit := 5 + 2*busy; got > limit || got == 0 {
				t.Errorf("%d in flight at the others: it got %d of 1000 requests in 10 s, want 1 to %d", busy, got, limit)
			}
		})
	}
}

// lastTaken returns the last slot, which must be taken, and its turn.
func (in *instance) lastTaken() (at int32, turn uint32) {
	at = in.traffic.inFlight - 1
	return at, in.slots[at].turn
}

// TestFirstFailureDoesNotChangeThePick: one error in ten seconds is no pattern.
func TestFirstFailureDoesNotChangeThePick(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		first := add(t, r, Ready)
		add(t, r, Ready)
		for range 10 {
			if answer(t, r, func(ID) int { return 500 }) != first {
				t.Fatal("another instance was picked")
			}
			if answer(t, r, func(ID) int { return 200 }) != first {
				t.Fatal("another instance was picked")
			}
			time.Sleep(8 * failureDecay)
		}
	})
}

// TestFailuresFade: an instance that recovers gets its share again, and then the
// review ends.
func TestFailuresFade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		first := add(t, r, Ready)
		add(t, r, Ready)
		lease := acquire(t, r)
		for range 1000 {
			lease.Responded(0, 500)
		}
		lease.Release()
		fine := func(ID) int { return 200 }
		if answer(t, r, fine) == first {
			t.Error("a failing instance was picked")
		}
		time.Sleep(25 * time.Second) // 0.9 of the 11 counted failures are left
		if answer(t, r, fine) != first {
			t.Error("the failures have not faded")
		}
		time.Sleep(time.Second)
		if r.reviewDue != 0 {
			t.Error("the review did not end")
		}
	})
}

// TestAllFailAlike: when all instances fail, all get their share of the requests.
func TestAllFailAlike(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"500": 500, "503": 503} {
		for _, pause := range []time.Duration{0, time.Millisecond, 100 * time.Millisecond} {
			t.Run(name+" every "+pause.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := New(Options{})
					for range 5 {
						add(t, r, Ready)
					}
					const each = 1000
					for range 5 * each {
						answer(t, r, func(ID) int { return status })
						time.Sleep(pause)
					}
					share := uint64(each * 9 / 10)
					if status == 503 { // at times two of five are ejected
						share = 0
					}
					for _, in := range r.Snapshot().Instances {
						if in.Total < share {
							t.Errorf("%d requests of %d", in.Total, 5*each)
						}
					}
				})
			})
		}
	}
}

// TestNewcomerAfterOutage: an instance without failures does not get all requests
// when the others have many failures.
func TestNewcomerAfterOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		for range 3 {
			add(t, r, Ready)
		}
		for range 10_000 {
			answer(t, r, func(ID) int { return 500 })
		}
		fresh := add(t, r, Ready)
		for range 60 {
			acquire(t, r)
		}
		if got := snapshotOf(t, r, fresh).InFlight; got > 30 {
			t.Errorf("%d of 60 requests", got)
		}
	})
}
