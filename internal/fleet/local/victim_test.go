package local

import (
	"testing"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestVictim: children go in the registry's order, but one that is to be
// replaced before others in its state; those that are going already are passed
// over.
func TestVictim(t *testing.T) {
	r := registry.New(registry.Options{})
	s := &Fleet{Options: fleet.Options{Registry: r}}
	names := map[*child]string{}
	add := func(name string, phase phase, recycleReason string, states ...registry.State) {
		id := r.Add(registry.Spec{Endpoint: registry.TCP("127.0.0.1", 5001+len(s.children))})
		for _, state := range states {
			if err := r.Transition(id, state, "test"); err != nil {
				t.Fatal(err)
			}
		}
		c := &child{id: id, phase: phase, recycleReason: recycleReason}
		s.children = append(s.children, c)
		names[c] = name
	}
	add("first", phaseServing, "", registry.Ready)
	add("worn", phaseServing, "test", registry.Ready)
	add("last", phaseServing, "", registry.Ready)
	add("sick", phaseServing, "", registry.Ready, registry.Unhealthy)
	add("going", phaseRetiring, "", registry.Ready, registry.Draining)
	add("worn before it was ready", phaseStarting, "test")
	add("new", phaseStarting, "")
	for _, want := range []string{"worn before it was ready", "new", "sick", "worn", "last", "first"} {
		c := s.victim()
		if names[c] != want {
			t.Fatalf("%q is next, want %q", names[c], want)
		}
		c.phase = phaseRetiring
		if _, err := r.Drain(c.id, "test"); err != nil {
			t.Fatal(err)
		}
	}
}
