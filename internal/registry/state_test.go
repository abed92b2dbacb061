package registry

import "testing"

// TestCanBecome checks every pair of states.
func TestCanBecome(t *testing.T) {
	t.Parallel()
	allowed := map[State][]State{
		Starting:  {Ready, Draining, Stopped},
		Ready:     {Unhealthy, Draining, Stopped},
		Unhealthy: {Ready, Draining, Stopped},
		Draining:  {Ready, Stopped},
	}
	for from := Unspecified; from <= Stopped; from++ {
		want := make(map[State]bool)
		for _, to := range allowed[from] {
			want[to] = true
		}
		for to := Unspecified; to <= Stopped+1; to++ {
			if got := from.CanBecome(to); got != want[to] {
				t.Errorf("%v to %v: CanBecome = %v, want %v", from, to, got, want[to])
			}
		}
	}
}

func TestOnlyReadyIsRoutable(t *testing.T) {
	t.Parallel()
	for s := Unspecified; s <= Stopped; s++ {
		if got := s.Routable(); got != (s == Ready) {
			t.Errorf("%v.Routable() = %v", s, got)
		}
	}
}
