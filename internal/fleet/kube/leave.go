package kube

import (
	"encoding/json"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// Save implements [fleet.Movable]. What the registry has of the pods is all there is.
func (f *Fleet) Save() json.RawMessage { return nil }

// Leave implements [fleet.Movable].
func (f *Fleet) Leave() json.RawMessage {
	f.call(func() {
		f.left = true
		f.endMigration(fleet.ErrMoved)
	})
	<-f.done
	return nil
}

// Restore implements [fleet.Movable]. The instances that the registry has belong to pods that
// have not been listed yet.
func (f *Fleet) Restore(json.RawMessage) error {
	f.restored = f.lookup()
	return nil
}

// takeOver has a pod go on as another process has left it, and reports whether it was known.
func (f *Fleet) takeOver(p *pod, id registry.ID) bool {
	if _, ok := f.restored[id]; !ok {
		return false
	}
	delete(f.restored, id)
	p.id, p.state, p.drained = id, f.lookup()[id].State, f.Registry.Drained(id)
	f.note(f.Registry.SetEndpoint(id, p.seen.address()))
	return true
}

// dropMissing removes the instances whose pods are not listed any more.
func (f *Fleet) dropMissing() {
	for id := range f.restored {
		f.note(f.Registry.Transition(id, registry.Stopped, "went while dynlb was taken over"))
	}
	f.restored = nil
}
