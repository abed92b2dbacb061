package autoscaler

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestStagedInstances: instances of a version that is being deployed are not of the target,
// so they are no capacity and stand in for no missing one, but their requests are work and
// the memory of their starts is needed.
func TestStagedInstances(t *testing.T) {
	t.Parallel()
	instance := func(state registry.State, staged bool, inFlight int, memory uint64) registry.Instance {
		in := registry.Instance{State: state, Staged: staged, InFlight: inFlight}
		in.Usage.Memory = memory
		return in
	}
	now := &registry.Snapshot{Time: time.Unix(1, 0), Concurrency: 2, Waiting: 1, Instances: []registry.Instance{
		instance(registry.Ready, false, 2, 100),
		instance(registry.Ready, true, 1, 100),
		instance(registry.Starting, true, 0, 30),
	}}
	s := NewScaler(Options{}, Settings{Window: time.Minute})
	s.target = 2
	s.demand.observe(now, 0, s.settings)
	if w := s.work(now); w.ready != 1 || w.starting != 0 || w.inFlight != 3 || w.excess != 0 {
		t.Errorf("%d ready, %d starting, %d in flight, %d in excess; want 1, 0, 3, 0", w.ready, w.starting, w.inFlight, w.excess)
	}
	if n := saturatedInstances(now); n != 1 {
		t.Errorf("%d instances are saturated, want the one of the target", n)
	}
	if each, pending := s.memoryNeed(now); each != 100 || pending != 70+100 {
		t.Errorf("an instance needs %d bytes and %d are pending, want 100, and 70 + 100 for the one that is missing", each, pending)
	}
}
