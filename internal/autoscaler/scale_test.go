package autoscaler

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestIdlers counts in the order in which instances go, and stops at the first
// that may not.
func TestIdlers(t *testing.T) {
	const idle = 30 * time.Second
	base := time.Now()
	in := func(state registry.State, inFlight int, since time.Duration) registry.Instance {
		out := registry.Instance{State: state, InFlight: inFlight}
		if inFlight == 0 {
			out.IdleSince = base.Add(-since)
		}
		return out
	}
	const starting, ready, unhealthy, draining = registry.Starting, registry.Ready, registry.Unhealthy, registry.Draining
	for _, c := range []struct {
		name      string
		trouble   string
		instances []registry.Instance // in start order
		want      int
	}{
		{"none", "", nil, 0},
		{"all", "", []registry.Instance{in(ready, 0, idle), in(ready, 0, time.Hour)}, 2},
		{"a moment too soon", "", []registry.Instance{in(ready, 0, idle-1)}, 0},
		{"the last one is new", "", []registry.Instance{in(ready, 0, time.Hour), in(ready, 0, time.Second)}, 0},
		{"the last ones", "", []registry.Instance{in(ready, 0, 0), in(ready, 0, idle), in(ready, 0, idle)}, 2},
		{"one with work comes after", "", []registry.Instance{in(ready, 0, 0), in(ready, 0, idle), in(ready, 1, 0)}, 1},
		{"draining ones are going", "", []registry.Instance{in(ready, 0, idle), in(draining, 0, 0), in(draining, 2, 0)}, 1},
		{"starting", "", []registry.Instance{in(ready, 0, idle), in(starting, 0, time.Hour)}, 0},
		{"cannot start", "why", []registry.Instance{in(ready, 0, idle), in(starting, 0, 0), in(starting, 0, 0)}, 1},
		{"cannot start, and the last one is new", "why", []registry.Instance{in(ready, 0, idle), in(ready, 0, 0), in(starting, 0, 0)}, 0},
		{"unhealthy and idle", "", []registry.Instance{in(unhealthy, 0, idle), in(ready, 0, idle)}, 2},
		{"unhealthy at work", "", []registry.Instance{in(unhealthy, 1, 0), in(ready, 0, idle)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := registry.Snapshot{Time: base, Instances: c.instances}
			now.Fleet.Trouble = c.trouble
			if got := idlers(&now, idle, base.Add(-idle)); got != c.want {
				t.Errorf("%d may go, want %d", got, c.want)
			}
		})
	}
}

// TestIdlersReplaced: an instance that took the place of another does not keep
// those that are idle. One that was started because there are to be more does, and
// one that has had work to do.
func TestIdlersReplaced(t *testing.T) {
	const idle = 30 * time.Second
	base := time.Now()
	now := registry.Snapshot{Time: base}
	for range 7 {
		now.Instances = append(now.Instances, registry.Instance{State: registry.Ready, IdleSince: base.Add(-time.Hour), Total: 9})
	}
	started := base.Add(-2 * time.Second)
	now.Instances = append(now.Instances, registry.Instance{State: registry.Ready, Started: started, IdleSince: base.Add(-time.Second)})
	for _, c := range []struct {
		before time.Duration // how long before its start the number was raised
		total  uint64
		want   int
	}{{0, 0, 0}, {idle - 1, 0, 0}, {idle, 0, 8}, {idle, 1, 0}} {
		now.Instances[7].Total = c.total
		if got := idlers(&now, idle, started.Add(-c.before)); got != c.want {
			t.Errorf("raised %v before, %d requests: %d may go, want %d", c.before, c.total, got, c.want)
		}
	}
}
