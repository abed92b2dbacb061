package registry

import (
	"testing"
	"time"
)

// TestReserve: the instances in reserve get requests only when the others are at the
// bound, the first of them first.
func TestReserve(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	var ids []ID
	for range 4 {
		ids = append(ids, add(t, r, Ready))
	}
	r.Reserve(2, 2)
	want := []int{0, 1, 0, 1, 2, 2}
	for i, at := range want {
		lease := acquire(t, r)
		if at == 0 || at == 1 {
			if lease.ID() != ids[0] && lease.ID() != ids[1] {
				t.Fatalf("request %d went to the reserve", i)
			}
			continue
		}
		if lease.ID() == ids[3] {
			t.Fatalf("request %d went to the last instance", i)
		}
	}
	r.Reserve(0, 1)
	if lease := acquire(t, r); lease.ID() != ids[3] {
		t.Error("the last instance is still in reserve")
	}
}

// TestReserveAll: one instance is never in reserve.
func TestReserveAll(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	first := add(t, r, Ready)
	add(t, r, Ready)
	r.Reserve(9, 3)
	for range 3 {
		if lease := acquire(t, r); lease.ID() != first {
			t.Error("a request went to the reserve")
		}
	}
}

// TestReserveOfNewInstances: with slowStart, too, the instances in reserve get requests
// only when the others are at the bound, the first of them first, and they do get some.
func TestReserveOfNewInstances(t *testing.T) {
	t.Parallel()
	now := time.Unix(1700000000, 0)
	r := NewWithClock(Options{SlowStart: 10 * time.Second}, func() time.Time { return now })
	old := map[ID]int{add(t, r, Ready): 0, add(t, r, Ready): 0}
	now = now.Add(time.Minute)
	third, fourth := add(t, r, Ready), add(t, r, Ready)
	for _, age := range []string{"new", "grown"} {
		r.Reserve(2, 2)
		clear(old)
		var leases []Lease
		reserve := map[ID]int{}
		for range 40 {
			lease := acquire(t, r)
			leases = append(leases, lease)
			id := lease.ID()
			if id != third && id != fourth {
				old[id]++
				continue
			}
			reserve[id]++
			if len(old) != 2 {
				t.Fatalf("%s: a request went to the reserve before both others had one", age)
			}
			for other, n := range old {
				if n < 2 {
					t.Errorf("%s: a request went to the reserve while %s had %d", age, other, n)
				}
			}
			if id == fourth && reserve[third] == 0 {
				t.Errorf("%s: the last instance got a request before the first of the reserve", age)
			}
		}
		if reserve[third] == 0 || reserve[fourth] == 0 || reserve[third] < reserve[fourth] {
			t.Errorf("%s: %d and %d of 40 requests went to the reserve", age, reserve[third], reserve[fourth])
		}
		now = now.Add(time.Minute)
		for _, lease := range leases {
			lease.Responded(time.Millisecond, 200)
			lease.Release()
		}
	}
}
