package autoscaler

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestPause: neither the requests that wait for the end of a pause nor the idle instances
// change the target. Afterwards the load does.
func TestPause(t *testing.T) {
	t.Parallel()
	scaling(t, defaults, func(t *testing.T, a *Autoscaler, f *fleet) {
		if _, err := a.ScaleTo(t.Context(), 4, 0, "test"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		f.registry.Pause()
		for range 50 {
			go func() {
				if lease, err := f.registry.Acquire(t.Context(), registry.Preference{}); err == nil {
					time.Sleep(time.Minute)
					lease.Release()
				}
			}()
		}
		time.Sleep(5 * time.Minute)
		if n := f.size(); n != 4 {
			t.Errorf("%d instances in a pause, want 4", n)
		}
		f.registry.Resume()
		time.Sleep(20 * time.Second)
		if n := f.size(); n != 8 {
			t.Errorf("%d instances for 50 requests after a pause, want 8", n)
		}
		time.Sleep(5 * time.Minute)
		if n := f.size(); n != 2 {
			t.Errorf("%d instances without requests, want 2", n)
		}
	})
}
