package local

import (
	"errors"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestReplace: one instance is replaced, a new one is ready before it drains, and the
// others stay.
func TestReplace(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(3, "test")
		r.after(time.Millisecond)
		if err := r.Replace(r.registry.Snapshot().Instances[0].ID, "test"); !errors.Is(err, fleet.ErrNotServing) {
			t.Errorf("replace an instance that starts: %v, want %v", err, fleet.ErrNotServing)
		}
		r.after(50 * time.Millisecond)
		old := r.running()
		id := r.registry.Snapshot().Instances[1].ID
		for range 2 { // the second call has no effect
			if err := r.Replace(id, "was drained by a test"); err != nil {
				t.Fatal(err)
			}
		}
		for range 2000 {
			r.after(time.Millisecond)
			if ready := r.ready(); ready < 3 {
				t.Fatalf("%d ready, want 3", ready)
			}
		}
		r.want("3 ready")
		if !old[0].alive() || old[1].alive() || !old[2].alive() || len(r.all()) != 4 {
			t.Errorf("old processes alive: %v, %v, %v; %d starts", old[0].alive(), old[1].alive(), old[2].alive(), len(r.all()))
		}
		want := map[string]bool{"was drained by a test": true, "replaces " + shortID(id) + ", which was drained by a test": true}
		_, events, _ := r.board.Since(0)
		for _, e := range events {
			delete(want, e.Reason)
		}
		if len(want) > 0 {
			t.Errorf("no event has the reasons %v", want)
		}
		if err := r.Replace(id, "test"); !errors.Is(err, fleet.ErrNoInstance) {
			t.Errorf("replace an instance that is gone: %v, want %v", err, fleet.ErrNoInstance)
		}
		r.kill()
		r.after(time.Minute)
		if err := r.Replace(id, "test"); !errors.Is(err, registry.ErrClosed) {
			t.Errorf("replace after the end: %v, want %v", err, registry.ErrClosed)
		}
	})
}
