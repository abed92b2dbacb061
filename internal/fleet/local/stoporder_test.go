package local

import (
	"testing"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestNextToStop: children are stopped in the order of the registry, but an outdated
// one is stopped before others in its state. Children that drain do not count.
func TestNextToStop(t *testing.T) {
	t.Parallel()
	r := registry.New(registry.Options{})
	f := &Fleet{Options: fleet.Options{Registry: r}}
	names := map[*child]string{}
	add := func(name string, phase phase, recycleReason string, states ...registry.State) {
		port := 5001 + len(f.children)
		id := r.Add(registry.Spec{Endpoint: registry.TCP("127.0.0.1", port), Port: port})
		for _, state := range states {
			if err := r.Transition(id, state, "test"); err != nil {
				t.Fatal(err)
			}
		}
		c := &child{id: id, phase: phase, recycleReason: recycleReason}
		f.children = append(f.children, c)
		names[c] = name
	}
	add("first", phaseServing, "", registry.Ready)
	add("outdated", phaseServing, "test", registry.Ready)
	add("last", phaseServing, "", registry.Ready)
	add("unhealthy", phaseServing, "", registry.Ready, registry.Unhealthy)
	add("draining", phaseDraining, "", registry.Ready, registry.Draining)
	add("outdated before it was ready", phaseStarting, "test")
	add("new", phaseStarting, "")
	for _, want := range []string{"outdated before it was ready", "new", "unhealthy", "outdated", "last", "first"} {
		c := f.nextToStop()
		if names[c] != want {
			t.Fatalf("%q is next, want %q", names[c], want)
		}
		c.phase = phaseDraining
		if _, err := r.Drain(c.id, "test"); err != nil {
			t.Fatal(err)
		}
	}
}
