package proxy

import (
	"slices"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
)

// dropped is a dropper that notes what it drops.
type dropped []string

func (d *dropped) Drop(endpoint registry.Endpoint) { *d = append(*d, endpoint.Address) }

// TestDropDeparted checks that each instance is dropped once when it leaves service,
// also if it was in service only before the first look or between two of them.
func TestDropDeparted(t *testing.T) {
	t.Parallel()
	r := registry.New(registry.Options{})
	add := func(address string) registry.ID {
		return r.Add(registry.Spec{Endpoint: registry.Endpoint{Network: "tcp", Address: address}})
	}
	move := func(id registry.ID, states ...registry.State) {
		for _, state := range states {
			if err := r.Transition(id, state, "test"); err != nil {
				t.Fatal(err)
			}
		}
	}
	early, stays := add("early:1"), add("stays:2")
	move(early, registry.Ready, registry.Draining)
	move(stays, registry.Ready)
	var known map[registry.ID]departure
	look := func(want ...string) {
		t.Helper()
		var got dropped
		known = dropDeparted(r, known, []dropper{&got})
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("dropped %v, want %v", got, want)
		}
	}
	look("early:1")
	look()
	brief := add("brief:3")
	look()
	move(brief, registry.Ready, registry.Unhealthy)
	look("brief:3")
	look()
	move(brief, registry.Ready)
	look()
	move(brief, registry.Unhealthy)
	move(early, registry.Stopped)
	look("brief:3")
	move(brief, registry.Ready)
	look()
	move(brief, registry.Stopped)
	look("brief:3")
	look()
}
