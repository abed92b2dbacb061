package registry

import (
	"hash/maphash"
	"slices"
	"testing"
	"time"
)

// stickyTo prefers the instance with the given ID, as a session cookie that names an
// instance would.
func stickyTo(id ID) Preference {
	return Preference{Key: []byte(id), Rank: func(key []byte, id ID) int {
		if string(key) == string(id) {
			return 1
		}
		return 0
	}}
}

// hashed prefers an instance by rendezvous hashing: the same key gives the same
// instance as long as that is there.
func hashed(key string) Preference {
	seed := maphash.MakeSeed()
	return Preference{Key: []byte(key), Rank: func(key []byte, id ID) int {
		var h maphash.Hash
		h.SetSeed(seed)
		_, _ = h.Write(key)
		_, _ = h.WriteString(string(id))
		return int(h.Sum64() >> 1)
	}}
}

// try claims an instance with p. One must be free.
func try(t *testing.T, r *Registry, p Preference) Lease {
	t.Helper()
	lease, err := r.Try(p)
	if err != nil || !lease.Valid() {
		t.Fatalf("no instance: %v", err)
	}
	return lease
}

func TestPreferredInstance(t *testing.T) {
	t.Parallel()
	r := New(Options{MaxConcurrency: 2})
	a, b, c := add(t, r, Ready), add(t, r, Ready), add(t, r, Ready)
	sticky := stickyTo(b)
	if got := try(t, r, sticky).ID(); got != b {
		t.Error("an idle instance was picked before the preferred one")
	}
	if got := try(t, r, sticky).ID(); got != b {
		t.Error("an idle instance was picked before the preferred one, which is below the cap")
	}
	first, second := try(t, r, sticky), try(t, r, sticky)
	if first.ID() != a || second.ID() != c {
		t.Errorf("with the preferred instance at the cap: not the least loaded of the others")
	}
	second.Release()
	first.Release()
	move(t, r, b, Unhealthy)
	if got := try(t, r, sticky).ID(); got != a {
		t.Error("with the preferred instance unhealthy: not the least loaded of the others")
	}
}

func TestPreferenceOfARetry(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	add(t, r, Ready)
	b, c := add(t, r, Ready), add(t, r, Ready)
	lease := try(t, r, stickyTo(b))
	if other, err := lease.Another(stickyTo(b)); err != nil || !other.Valid() || other.ID() == b {
		t.Errorf("the instance that failed was claimed again: %v", err)
	}
	if other, err := lease.Another(stickyTo(c)); err != nil || other.ID() != c {
		t.Errorf("the preferred other instance was not claimed: %v", err)
	}
}

// TestEqualRanks: a preference that ranks all instances equally has no effect.
func TestEqualRanks(t *testing.T) {
	t.Parallel()
	plain, ranked := New(Options{}), New(Options{})
	equal := Preference{Rank: func([]byte, ID) int { return -7 }}
	order := map[ID]int{}
	for i := range 4 {
		order[add(t, plain, Ready)] = i
		order[add(t, ranked, Ready)] = i
	}
	for i := range 40 {
		want, got := try(t, plain, Preference{}), try(t, ranked, equal)
		if order[want.ID()] != order[got.ID()] {
			t.Fatalf("claim %d: instance %d, want %d", i, order[got.ID()], order[want.ID()])
		}
		if i%3 == 0 {
			want.Release()
			got.Release()
		}
	}
}

func TestHashedPreference(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	for range 5 {
		add(t, r, Ready)
	}
	p := hashed("session 1")
	home := try(t, r, p).ID()
	for range 20 {
		if got := try(t, r, p).ID(); got != home {
			t.Fatal("requests with one key went to two instances")
		}
	}
	move(t, r, home, Draining)
	next := try(t, r, p).ID()
	for range 20 {
		if got := try(t, r, p).ID(); got != next {
			t.Fatal("requests with one key went to two instances after theirs drained")
		}
	}
}

// TestPreferenceInTheQueue: waiting requests keep their order, and each gets the
// instance that it prefers among the free ones.
func TestPreferenceInTheQueue(t *testing.T) {
	t.Parallel()
	options := Options{MaxConcurrency: 1, QueueLimit: 2, QueueTimeout: time.Minute}
	r := New(options)
	a, b := add(t, r, Ready), add(t, r, Ready)
	acquire(t, r)
	acquire(t, r)
	var granted []ID
	for _, id := range []ID{b, a} {
		w := &Waiter{Preference: stickyTo(id), Grant: func(l Lease, _ error) { granted = append(granted, l.ID()) }}
		if lease, err := r.Enqueue(w); err != nil || lease.Valid() {
			t.Fatalf("a request did not wait: %v", err)
		}
	}
	options.MaxConcurrency = 2
	r.Configure(options) // two places at once
	if !slices.Equal(granted, []ID{b, a}) {
		t.Errorf("granted %v, want %v", granted, []ID{b, a})
	}
}

// TestPreferenceAllocatesNothing counts allocations, so it does not run in parallel.
func TestPreferenceAllocatesNothing(t *testing.T) {
	r := New(Options{})
	add(t, r, Ready)
	p := stickyTo(add(t, r, Ready))
	n := testing.AllocsPerRun(100, func() {
		lease, _ := r.Try(p)
		lease.Release()
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
