package registry

import "testing"

// TestRemote: an instance of another machine that cannot be connected to gets no more requests
// until its fleet has checked it, if there is another one.
func TestRemote(t *testing.T) {
	t.Parallel()
	for _, remote := range []bool{true, false} {
		r := New(Options{Remote: remote})
		for range 2 {
			if err := r.Transition(r.Add(Spec{}), Ready, "test"); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			lease, err := r.Acquire(t.Context(), Preference{})
			if err != nil {
				t.Fatal(err)
			}
			lease.Unreachable("no answer within 1s")
			lease.Release()
		}
		s := r.Snapshot()
		if n := s.Count(Unhealthy); remote && n != 1 || !remote && n != 0 {
			t.Errorf("remote %t: %d unhealthy instances", remote, n)
		}
		if n := len(r.Suspects()); remote && n != 1 || !remote && n != 0 {
			t.Errorf("remote %t: %d suspects", remote, n)
		}
	}
}
