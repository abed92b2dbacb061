package registry

import (
	"slices"
	"testing"
)

// TestLeaving: who serves nobody goes first, then who has least to do, then who
// came last; who is draining goes already.
func TestLeaving(t *testing.T) {
	s := Snapshot{Instances: []Instance{
		{ID: "busy", State: Ready, InFlight: 2},
		{ID: "sick", State: Unhealthy, InFlight: 5},
		{ID: "first", State: Ready},
		{ID: "gone", State: Draining},
		{ID: "second", State: Ready},
		{ID: "working", State: Ready, InFlight: 1},
		{ID: "new", State: Starting},
		{ID: "last", State: Ready},
		{ID: "newest", State: Starting},
	}}
	var got []ID
	for _, in := range s.Leaving() {
		got = append(got, in.ID)
	}
	want := []ID{"newest", "new", "sick", "last", "second", "first", "working", "busy"}
	if !slices.Equal(got, want) {
		t.Errorf("they go in the order %q, want %q", got, want)
	}
}
