package local

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestRestartStopsWhenNewOnesFail: instances that do not start replace no others.
func TestRestartStopsWhenNewOnesFail(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*rig){
		"cannot be started": func(r *rig) { r.refuseStarts(errors.New("no such app")) },
		"never ready":       func(r *rig) { r.bootIn(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withFleet(t, nil, func(t *testing.T, r *rig) {
				r.Scale(2, "test")
				r.after(50 * time.Millisecond)
				before := r.running()
				fail(r)
				_, done := r.restart(1)
				err := <-done
				if err == nil || !strings.HasPrefix(err.Error(), "0 of 2 instances replaced, the others stay; the new one: ") {
					t.Errorf("Restart: %v", err)
				}
				r.after(time.Minute)
				r.want("2 ready")
				if after := r.running(); !slices.Equal(before, after) {
					t.Error("the outdated instances did not stay")
				}
				if got := r.board.Snapshot().Restarts; got != 0 {
					t.Errorf("%d restarts counted, want none", got)
				}
			})
		})
	}
}

// TestRestartWithUnhealthyNewOnes: a new instance that becomes unhealthy right
// after it was ready takes the place of at most one outdated instance, and ends the
// restart.
func TestRestartWithUnhealthyNewOnes(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(3, "test")
		r.after(50 * time.Millisecond)
		old := map[registry.ID]bool{}
		for _, in := range r.registry.Snapshot().Instances {
			old[in.ID] = true
		}
		_, done := r.restart(1)
		for range 100 {
			r.after(time.Millisecond)
			for _, in := range r.registry.Snapshot().Instances {
				if old[in.ID] || in.State != registry.Ready {
					continue
				}
				for _, p := range r.running() {
					if p.port == in.Port {
						p.failHealth(errUnhealthy)
					}
				}
				_ = r.registry.Transition(in.ID, registry.Unhealthy, "test")
			}
		}
		if s := r.registry.Snapshot(); len(done) > 0 || s.Count(registry.Ready) < 2 {
			t.Fatalf("the unhealthy instance took the place of others: %s", r.counts())
		}
		r.after(replaceAfter * r.settings().CheckInterval)
		if err := <-done; err == nil || !strings.Contains(err.Error(), "the others stay") {
			t.Errorf("Restart: %v", err)
		}
		r.after(time.Minute)
		r.want("3 ready")
	})
}
