package deploy

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// lastEvent returns the newest event.
func (r *rig) lastEvent() notice.Event {
	r.t.Helper()
	_, events, _ := r.Board.Since(0)
	if len(events) == 0 {
		return notice.Event{}
	}
	return events[len(events)-1]
}

// TestEndOfInterruptedDeploy: a deploy or a rollback in whose midst dynlb stops, or dies, has an
// end among the events, which is reported once.
func TestEndOfInterruptedDeploy(t *testing.T) {
	t.Parallel()
	for _, rollback := range []bool{false, true} {
		for _, dies := range []bool{false, true} {
			withDeployer(t, func(r *rig) {
				kind, want := notice.DeployFailed, "v2 stays: dynlb or the app was stopped in the middle of the deploy of v3"
				begin := func() error { return r.Deploy(context.Background(), Order{Version: "v3"}, func(Step) {}) }
				if rollback {
					r.succeed("v3")
					kind, want = notice.Deployed, "v3 has all requests at the next start: dynlb or the app was stopped in the middle of the rollback"
					begin = func() error { return r.Rollback(context.Background(), "test", func(Step) {}) }
				}
				r.succeed("v2")
				before := r.Deployer
				done := make(chan error, 1)
				go func() { done <- begin() }() // ends with the deploy
				synctest.Wait()
				if dies {
					want = "v2 stays: dynlb was started again in the middle of the deploy of v3"
					if rollback {
						want = "v3 has all requests: dynlb was started again in the middle of the rollback to it"
					}
					own := r.restore("v1")
					r.ReportInterrupted()
					if version := own.(settings).version.Label; version != want[:2] {
						t.Errorf("rollback %v: %s runs after a death", rollback, version)
					}
				}
				r.fleet.end(registry.ErrClosed)
				if err := <-done; !errors.Is(err, registry.ErrClosed) {
					t.Errorf("rollback %v, dies %v: %v", rollback, dies, err)
				}
				before.Close()
				if last := r.lastEvent(); last.Type != kind || last.Reason != want {
					t.Errorf("rollback %v, dies %v: last event %+v, want %q", rollback, dies, last, want)
				}
				r.restore("v1")
				r.ReportInterrupted()
				if last := r.lastEvent(); last.Reason != "" {
					t.Errorf("rollback %v, dies %v: reported again: %+v", rollback, dies, last)
				}
			})
		}
	}
}
