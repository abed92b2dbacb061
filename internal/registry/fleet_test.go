package registry

import (
	"testing"
	"time"
)

func TestChangesOfTheTargetAreCounted(t *testing.T) {
	r := New(Options{})
	bounds := Bounds{Max: 8}
	for _, n := range []int{2, 4, 4, 5, 3, 0, 2} {
		r.SetTarget(n, bounds, time.Time{}, "test")
	}
	if fleet := r.Snapshot().Fleet; fleet.Raised != 3 || fleet.Lowered != 2 {
		t.Errorf("raised %d times, lowered %d times; want 3 and 2", fleet.Raised, fleet.Lowered)
	}
}
