package deploy

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
)

// TestDeploy: without a canary, the new version gets all requests when its instances are
// ready, and is kept then, not before.
func TestDeploy(t *testing.T) {
	t.Parallel()
	withDeployer(t, func(r *rig) {
		done := r.deploy(Order{Version: "v2", Reason: "test"})
		if !r.fleet.asked || r.fleet.part != 1 || r.fleet.staged.Label != "v2" {
			t.Errorf("staged %+v, part %v", r.fleet.staged, r.fleet.part)
		}
		r.ready()
		if now := r.Board.Snapshot(); now.Deploy.Version != "v2" || now.Version != "v1" || now.PreviousVersion != "" {
			t.Errorf("board %+v, %q after %q", now.Deploy, now.Version, now.PreviousVersion)
		}
		if r.kept() != "" {
			t.Errorf("kept %q before it has succeeded", r.kept())
		}
		if err := r.Deploy(r.t.Context(), Order{Version: "v3"}, nil); !errors.Is(err, fleet.ErrDeploying) {
			t.Errorf("another deploy: %v", err)
		}
		r.fleet.end(nil)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		now, events, _ := r.Board.Since(0)
		if now.Deploy != (notice.Deploy{}) || now.Version != "v2" || now.PreviousVersion != "v1" {
			t.Errorf("board %+v, %q after %q", now.Deploy, now.Version, now.PreviousVersion)
		}
		if last := events[len(events)-1]; last.Type != notice.Deployed {
			t.Errorf("last event %+v", last)
		}
		if r.kept() != "v2 after " {
			t.Errorf("kept %q", r.kept())
		}
		if got := strings.Join(r.steps, "; "); got != "1 of 1 instances of v2 ready; v2 has all requests, the other instances drain" {
			t.Errorf("steps %q", got)
		}
	})
}

// TestDeployRefused: what cannot be deployed changes nothing.
func TestDeployRefused(t *testing.T) {
	t.Parallel()
	withDeployer(t, func(r *rig) {
		for _, name := range []string{"missing", "gone", "v1"} {
			err := r.Deploy(r.t.Context(), Order{Version: name}, nil)
			if _, ok := errors.AsType[VersionError](err); !ok {
				t.Errorf("%s: %v, want a VersionError", name, err)
			}
		}
		if err := r.Rollback(r.t.Context(), "test", nil); !errors.Is(err, ErrNoPrevious) {
			t.Errorf("rollback: %v", err)
		}
		if r.fleet.staging != nil {
			t.Error("instances were started")
		}
	})
}

// TestDeployFails: the version in force stays, and the error says why.
func TestDeployFails(t *testing.T) {
	t.Parallel()
	withDeployer(t, func(r *rig) {
		done := r.deploy(canary)
		r.fleet.end(errors.New("it did not become ready"))
		if err := <-done; err == nil || err.Error() != "it did not become ready" {
			t.Errorf("error %v", err)
		}
		now, events, _ := r.Board.Since(0)
		if last := events[len(events)-1]; last.Type != notice.DeployFailed || last.Reason != "v1 stays: it did not become ready" {
			t.Errorf("last event %+v", last)
		}
		if now.Version != "v1" || now.Deploy.Version != "" || r.kept() != "" {
			t.Errorf("%q in force, deploy of %q, kept %q", now.Version, now.Deploy.Version, r.kept())
		}
	})
}

// TestCallerLeaves: a deploy continues without its caller.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	withDeployer(t, func(r *rig) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := r.Deploy(ctx, Order{Version: "v2"}, func(Step) {}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		synctest.Wait()
		r.fleet.end(nil)
		synctest.Wait()
		if r.kept() != "v2 after " {
			t.Errorf("kept %q", r.kept())
		}
	})
}

// TestOtherFleet: a fleet that cannot stage says so.
func TestOtherFleet(t *testing.T) {
	t.Parallel()
	withDeployer(t, func(r *rig) {
		own := r.Options.Fleet
		r.Options.Fleet = struct{ fleet.Fleet }{}
		defer func() { r.Options.Fleet = own }()
		if err := r.Deploy(r.t.Context(), Order{Version: "v2"}, nil); !errors.Is(err, ErrUnsupported) {
			t.Errorf("error %v", err)
		}
	})
}
