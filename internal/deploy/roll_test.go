package deploy

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// roller is a fleet that keeps its version itself. Its rollouts end when the test says so.
type roller struct {
	fleet.Fleet
	current, previous string
	end               chan error
}

func (f *roller) Versions(context.Context) (current, previous string, err error) {
	return f.current, f.previous, nil
}

func (f *roller) Roll(ctx context.Context, version, _ string, progress func(replaced, total int)) error {
	progress(1, 2)
	select {
	case err := <-f.end:
		if err == nil {
			f.current, f.previous = version, f.current
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// withRoller runs a test in a bubble, with a deployer over a fleet whose image is v1. start runs
// something in the background; its error arrives, and the steps are in steps then.
func withRoller(t *testing.T, test func(r *rig, f *roller, start func(do func(progress func(Step)) error) chan error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &roller{current: "v1", end: make(chan error, 1)}
		r := &rig{t: t, fleet: new(stager), store: &store{docs: map[string][]byte{}}}
		r.restore("v1")
		r.Fleet = f
		r.Board.SetVersions("v1", "")
		test(r, f, func(do func(progress func(Step)) error) chan error {
			done := make(chan error, 1)
			go func() { done <- do(func(s Step) { r.steps = append(r.steps, s.Text) }) }() // ends with its rollout
			synctest.Wait()
			return done
		})
		f.end <- registry.ErrClosed
		r.Close()
	})
}

// TestDeployByRollout: the fleet replaces the instances and keeps the version, and dynlb keeps
// nothing.
func TestDeployByRollout(t *testing.T) {
	t.Parallel()
	withRoller(t, func(r *rig, f *roller, start func(func(func(Step)) error) chan error) {
		done := start(func(progress func(Step)) error {
			return r.Deploy(r.t.Context(), Order{Version: "v2", Reason: "test"}, progress)
		})
		if now := r.Board.Snapshot(); now.Deploy.Version != "v2" {
			t.Errorf("board %+v", now.Deploy)
		}
		if err := r.Deploy(r.t.Context(), Order{Version: "v3"}, nil); !errors.Is(err, fleet.ErrDeploying) {
			t.Errorf("another deploy: %v", err)
		}
		f.end <- nil
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		now, events, _ := r.Board.Since(0)
		if now.Deploy != (notice.Deploy{}) || events[len(events)-1].Type != notice.Deployed || r.kept() != "" || now.Version != "v1" {
			t.Errorf("board %+v, last event %+v, kept %q", now.Deploy, events[len(events)-1], r.kept())
		}
		if got := strings.Join(r.steps, "; "); got != "1 of 2 instances of v2 ready; v2 has all requests, the other instances drain" {
			t.Errorf("steps %q", got)
		}
		done = start(func(progress func(Step)) error { return r.Rollback(r.t.Context(), "test", progress) })
		f.end <- nil
		if err := <-done; err != nil || f.current != "v1" || f.previous != "v2" {
			t.Errorf("rollback: %v, %s after %s", err, f.current, f.previous)
		}
	})
}

// TestRolloutRefused: what cannot be rolled out changes nothing.
func TestRolloutRefused(t *testing.T) {
	t.Parallel()
	withRoller(t, func(r *rig, f *roller, _ func(func(func(Step)) error) chan error) {
		for _, o := range []Order{{Version: "missing"}, {Version: "v1"}} {
			f.current = "" // the zero Version of the rig's config
			if _, ok := errors.AsType[VersionError](r.Deploy(r.t.Context(), o, nil)); !ok {
				t.Errorf("%s: no VersionError", o.Version)
			}
		}
		f.current = "v1"
		if err := r.Deploy(r.t.Context(), Order{Version: "v2", Canary: 0.1}, nil); !errors.Is(err, ErrNoCanary) {
			t.Errorf("canary: %v", err)
		}
		if err := r.Rollback(r.t.Context(), "test", nil); !errors.Is(err, ErrNoPrevious) {
			t.Errorf("rollback: %v", err)
		}
	})
}

// TestRolloutFails: the error says why, and the event which version stays.
func TestRolloutFails(t *testing.T) {
	t.Parallel()
	withRoller(t, func(r *rig, f *roller, start func(func(func(Step)) error) chan error) {
		done := start(func(progress func(Step)) error { return r.Deploy(r.t.Context(), Order{Version: "v2"}, progress) })
		f.end <- errors.New("0 of 2 pods replaced")
		if err := <-done; err == nil || err.Error() != "0 of 2 pods replaced" {
			t.Errorf("error %v", err)
		}
		_, events, _ := r.Board.Since(0)
		if last := events[len(events)-1]; last.Type != notice.DeployFailed || last.Reason != "v1 stays: 0 of 2 pods replaced" {
			t.Errorf("last event %+v", last)
		}
	})
}

// TestRollbackDuringRollout: the rollout ends, and the version before stays. One that goes on
// after its caller has left can be ended, too.
func TestRollbackDuringRollout(t *testing.T) {
	t.Parallel()
	withRoller(t, func(r *rig, f *roller, start func(func(func(Step)) error) chan error) {
		ctx, leave := context.WithCancel(r.t.Context())
		done := start(func(progress func(Step)) error { return r.Deploy(ctx, Order{Version: "v2"}, progress) })
		leave()
		if err := <-done; !errors.Is(err, context.Canceled) || !r.UnderWay() {
			t.Fatalf("after the caller has left: %v, under way %t", err, r.UnderWay())
		}
		var text string
		if err := r.Rollback(r.t.Context(), "test", func(s Step) { text = s.Text }); err != nil || text != "the deploy of v2 has ended, v1 stays" {
			t.Errorf("%v, %q", err, text)
		}
		if r.UnderWay() || f.current != "v1" {
			t.Errorf("under way %t, %s in force", r.UnderWay(), f.current)
		}
	})
}
