package registry

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// claimFor claims the instance with the index i for a request from o.
func claimFor(t testing.TB, r *Registry, i int, o Origin) Lease {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.instances[i].leaseLocked(o)
}

// trial is a request and what comes of it.
type trial struct {
	instance     int
	client, kind uint32
	fails        bool
}

// send sends a request.
func send(t testing.TB, r *Registry, q trial) {
	t.Helper()
	lease := claimFor(t, r, q.instance, Origin{q.client, q.kind})
	defer lease.Release()
	if q.fails {
		lease.Failed("broke")
	} else {
		lease.Responded(time.Millisecond, 200)
	}
}

// repeat returns n times the requests of list.
func repeat(n int, list ...trial) (all []trial) {
	for range n {
		all = append(all, list...)
	}
	return all
}

// TestEvidence checks which failures speak against the first of three instances.
func TestEvidence(t *testing.T) {
	t.Parallel()
	const fails = true
	others := []trial{{0, 9, 9, false}, {1, 9, 9, false}}
	for _, c := range []struct {
		name     string
		requests [][]trial
		ejected  bool
	}{
		{"one client, one kind", [][]trial{repeat(100, trial{0, 1, 1, fails})}, false},
		{"one client, many kinds", [][]trial{
			repeat(9, trial{0, 1, 1, fails}, trial{0, 1, 2, fails}, trial{0, 1, 3, fails}, trial{0, 1, 4, fails}),
		}, false},
		{"the only client, whose kind succeeds on another instance", [][]trial{
			{{1, 1, 1, false}}, repeat(5, trial{0, 1, 1, fails}), {{1, 1, 1, false}},
		}, true},
		{"which did so before only", [][]trial{{{1, 1, 1, false}}, repeat(5, trial{0, 1, 1, fails})}, false},
		{"the only client, whose other kinds succeed", [][]trial{repeat(5, trial{0, 1, 1, fails}), {{1, 1, 2, false}}}, false},
		{"beside another client, one whose kind succeeds on another instance", [][]trial{
			others, repeat(9, trial{0, 1, 1, fails}), {{1, 1, 1, false}},
		}, false},
		{"many clients, one kind", [][]trial{repeat(9, trial{0, 1, 1, fails}, trial{0, 2, 1, fails}, trial{0, 3, 1, fails})}, false},
		{"which succeeds on another instance", [][]trial{repeat(2, trial{0, 1, 1, fails}, trial{0, 2, 1, fails}, trial{0, 3, 1, fails}), {{1, 4, 1, false}}}, true},
		{"many clients, two kinds that fail on another instance", [][]trial{
			{{1, 1, 1, fails}, {1, 1, 2, fails}}, repeat(9, trial{0, 1, 1, fails}, trial{0, 2, 2, fails}, trial{0, 3, 3, fails}),
		}, false},
		{"many clients and kinds", [][]trial{others, {{0, 1, 1, fails}, {0, 2, 2, fails}, {0, 3, 3, fails}, {0, 4, 1, fails}, {0, 5, 2, fails}}}, true},
		{"many clients and kinds, four times", [][]trial{{{0, 1, 1, fails}, {0, 2, 2, fails}, {0, 3, 3, fails}, {0, 4, 1, fails}}}, false},
		{"one client, and once another", [][]trial{others, repeat(9, trial{0, 1, 1, fails}), {{0, 2, 2, fails}}, repeat(9, trial{0, 1, 3, fails}), {{1, 9, 2, false}}}, false},
		{"one client, and twice others", [][]trial{others, repeat(9, trial{0, 1, 1, fails}), {{0, 2, 2, fails}, {0, 3, 2, fails}, {1, 9, 2, false}}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := New(Options{})
				for range 3 {
					add(t, r, Ready)
				}
				for _, list := range c.requests {
					for _, q := range list {
						time.Sleep(time.Millisecond)
						send(t, r, q)
					}
				}
				if got := ejected(r); (len(got) > 0) != c.ejected || len(got) > 1 {
					t.Errorf("ejected: %v, want %v", got, c.ejected)
				}
			})
		})
	}
}

// TestUnreachableIsOwn: no request is the reason for failures to connect.
func TestUnreachableIsOwn(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	add(t, r, Ready)
	add(t, r, Ready)
	for range ejectAfter {
		claimFor(t, r, 0, Origin{1, 1}).Unreachable("timed out")
	}
	if len(ejected(r)) != 1 {
		t.Error("not ejected")
	}
	Lease{}.Unreachable("timed out") // must not panic
}

// TestOneClientEjectsNothing: one client with any mix of requests that fail never has an
// instance ejected while the requests of another client succeed, even if requests of the
// same kinds succeed.
func TestOneClientEjectsNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			r := New(Options{})
			for range 2 + random.IntN(4) {
				add(t, r, Ready)
			}
			kinds := 1 + random.Uint32N(12)
			bad := 1 + random.IntN(50) // requests of that client for each of another
			time.Sleep(time.Millisecond)
			sendAnywhere(t, r, trial{client: 2})
			for range 3000 {
				time.Sleep(time.Duration(random.IntN(int(10 * time.Millisecond))))
				q := trial{client: 1, kind: random.Uint32N(kinds), fails: random.IntN(3) > 0}
				if random.IntN(bad+1) == 0 {
					q = trial{client: 2 + random.Uint32N(3), kind: random.Uint32N(kinds)}
				}
				sendAnywhere(t, r, q)
				if got := ejected(r); len(got) > 0 {
					t.Fatalf("seed %d: ejected %v", seed, got)
				}
			}
		})
	}
}

// sendAnywhere sends a request to the instance that is picked for it.
func sendAnywhere(t *testing.T, r *Registry, q trial) {
	t.Helper()
	lease, err := r.Acquire(t.Context(), Preference{Origin: Origin{q.client, q.kind}})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	if q.fails {
		lease.Failed("broke")
	} else {
		lease.Responded(time.Millisecond, 200)
	}
}

// TestBrokenForAllIsEjected: an instance that fails for all clients is ejected after five
// failures, whatever the mix of clients and kinds is, or a few more if one client prevails.
func TestBrokenForAllIsEjected(t *testing.T) {
	t.Parallel()
	total, exact := 0, 0
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 1))
		r := New(Options{})
		for range 4 {
			add(t, r, Ready)
		}
		clients, kinds := 2+random.Uint32N(100), 1+random.Uint32N(6)
		from := func() (client, kind uint32) { return random.Uint32N(clients), random.Uint32N(kinds) }
		for range 100 {
			c, k := from()
			send(t, r, trial{instance: random.IntN(4), client: c, kind: k})
		}
		failures := 0
		for len(ejected(r)) == 0 && failures < 50 {
			for i := range 4 {
				c, k := from()
				send(t, r, trial{instance: i, client: c, kind: k, fails: i == 0})
			}
			failures++
		}
		total++
		if failures == ejectAfter {
			exact++
		} else if failures > 2*ejectAfter {
			t.Errorf("seed %d: %d failures of %d clients and %d kinds, and not ejected", seed, failures, clients, kinds)
		}
	}
	if exact < total*9/10 {
		t.Errorf("%d of %d were ejected after %d failures", exact, total, ejectAfter)
	}
}
