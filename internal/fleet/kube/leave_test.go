package kube

import (
	"slices"
	"testing"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestLeave: a fleet leaves with a request in flight, and another one goes on with the same
// instances. It drops the one whose pod has gone meanwhile, and has those that have come.
func TestLeave(t *testing.T) {
	t.Parallel()
	r := ready(t, 3)
	lease, err := r.reg.Acquire(t.Context(), registry.Preference{})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	var left fleet.Movable = r.Fleet
	text := left.Leave()
	<-r.done
	gone, before := r.pod(0), r.lookup()
	saved := r.reg.Save(1)
	r.cluster.do(func() {
		r.cluster.removeLocked(r.app, gone)
		r.cluster.reconcileLocked(r.app)
	})
	r.await("end of the pod", func() bool {
		r.cluster.mu.Lock()
		defer r.cluster.mu.Unlock()
		return !slices.Contains(r.app.pods, gone)
	})

	next := prepareRig(t, r.cluster, r.settings)
	next.reg.Restore(saved, true)
	if err := next.Restore(text); err != nil {
		t.Fatal(err)
	}
	if n, all := next.states(registry.Ready); n != 3 || all != 3 {
		t.Errorf("%d of %d instances are ready before the pods are listed", n, all)
	}
	next.start(t)
	next.await("pods of now", func() bool {
		n, all := next.states(registry.Ready)
		_, old := next.lookup()[registry.ID(gone.uid)]
		return n == 3 && all == 3 && !old
	})
	kept := 0
	for id, in := range next.lookup() {
		if in.ReadyAt.Equal(before[id].ReadyAt) {
			kept++
		}
	}
	if kept != 2 {
		t.Errorf("%d of 2 instances were kept", kept)
	}
	if _, all := r.states(registry.Ready); all != 3 {
		t.Error("the fleet that has left changed its instances")
	}
}
