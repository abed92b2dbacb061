package registry

import (
	"testing"
	"testing/synctest"
	"time"
)

// answer has the least loaded instance answer a request at once with what status
// says of it, and returns which it was.
func answer(t *testing.T, r *Registry, status func(ID) int) ID {
	t.Helper()
	lease := acquire(t, r)
	defer lease.Release()
	lease.Responded(time.Millisecond, status(lease.ID()))
	return lease.ID()
}

// TestFailingFastAttractsNobody: an instance that answers with errors at once is
// the least busy of all, and still gets next to nothing.
func TestFailingFastAttractsNobody(t *testing.T) {
	for _, busy := range []int{0, 1, 8, 100} { // requests in flight at each of the others
		synctest.Test(t, func(t *testing.T) {
			r := New(Options{})
			sick := add(t, r, Ready)
			add(t, r, Ready)
			add(t, r, Ready)
			for range 3 * busy {
				acquire(t, r)
			}
			for range busy { // those of the first end
				r.instances[0].releaseLocked(r.instances[0].lastTaken())
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
			if most := 5 + 2*busy; got > most || got == 0 {
				t.Errorf("%d others: it got %d of 1000 requests in 10 s, want 1 to %d", busy, got, most)
			}
		})
	}
}

// lastTaken is a place that is taken.
func (in *instance) lastTaken() (at int32, turn uint32) {
	at = in.traffic.inFlight - 1
	return at, in.slots[at].turn
}

// TestFirstFailureSendsNobodyElsewhere: one error in ten seconds is no pattern.
func TestFirstFailureSendsNobodyElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		first := add(t, r, Ready)
		add(t, r, Ready)
		for range 10 {
			if answer(t, r, func(ID) int { return 500 }) != first {
				t.Fatal("left the first instance")
			}
			if answer(t, r, func(ID) int { return 200 }) != first {
				t.Fatal("left the first instance")
			}
			time.Sleep(8 * failureDecay)
		}
	})
}

// TestFailuresAreForgotten: an instance that recovers gets its share again, and
// then nothing is left to review.
func TestFailuresAreForgotten(t *testing.T) {
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
		time.Sleep(25 * time.Second) // of the 11 that count, 0.9 are left
		if answer(t, r, fine) != first {
			t.Error("the failures are not forgotten")
		}
		time.Sleep(time.Second)
		if r.reviewDue != 0 {
			t.Error("still under review")
		}
	})
}

// TestAllFailAlike: when the app is at fault, requests go on, evenly.
func TestAllFailAlike(t *testing.T) {
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
					least := uint64(each * 9 / 10)
					if status == 503 { // two of five are ejected now and then
						least = 0
					}
					for _, in := range r.Snapshot().Instances {
						if in.Total < least {
							t.Errorf("%d requests of %d", in.Total, 5*each)
						}
					}
				})
			})
		}
	}
}

// TestNewcomerAfterOutage: an instance without failures does not get everything
// because the others have many.
func TestNewcomerAfterOutage(t *testing.T) {
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
