package registry

import (
	"slices"
	"testing"
)

// TestRemovalOrder: starting instances come first, then unhealthy ones, then those
// with the fewest requests, then those started last. Draining ones are left out.
func TestRemovalOrder(t *testing.T) {
	t.Parallel()
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
	for _, in := range s.RemovalOrder() {
		got = append(got, in.ID)
	}
	want := []ID{"newest", "new", "sick", "last", "second", "first", "working", "busy"}
	if !slices.Equal(got, want) {
		t.Errorf("the order is %q, want %q", got, want)
	}
}
