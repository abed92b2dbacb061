package deploy

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestRollback: the previous version is put in force, and the one before becomes the
// previous one. That is kept at once.
func TestRollback(t *testing.T) {
	t.Parallel()
	withDeployer(t, func(r *rig) {
		r.succeed("v2")
		r.succeed("v3")
		for _, want := range []string{"v2 after v3", "v3 after v2"} {
			done := make(chan error, 1)
			go func() { done <- r.Rollback(context.Background(), "test", func(Step) {}) }() // ends below
			synctest.Wait()
			if r.kept() != want {
				t.Errorf("kept %q before the end, want %q", r.kept(), want)
			}
			r.fleet.end(nil)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if now := r.Board.Snapshot(); now.Version+" after "+now.PreviousVersion != want || r.fleet.runs.Label != now.Version {
				t.Errorf("%q after %q, %q runs; want %s", now.Version, now.PreviousVersion, r.fleet.runs.Label, want)
			}
		}
	})
}

// TestRollbackFails: a version that cannot run any more is not kept.
func TestRollbackFails(t *testing.T) {
	t.Parallel()
	withDeployer(t, func(r *rig) {
		r.succeed("v2")
		done := make(chan error, 1)
		go func() { done <- r.Rollback(context.Background(), "test", func(Step) {}) }() // ends below
		synctest.Wait()
		r.fleet.end(errors.New("it did not become ready"))
		if err := <-done; err == nil {
			t.Error("no error")
		}
		if now := r.Board.Snapshot(); now.Version != "v2" || r.kept() != "v2 after " {
			t.Errorf("%q in force, kept %q", now.Version, r.kept())
		}
	})
}

// TestRollbackDuringDeploy: the deploy ends, in each of its phases, and the version in force
// stays. One that has just succeeded is rolled back.
func TestRollbackDuringDeploy(t *testing.T) {
	t.Parallel()
	for phase := range 3 {
		withDeployer(t, func(r *rig) {
			order := canary
			order.MinRequests = 1
			deploy := r.deploy(order)
			if phase > 0 {
				r.ready()
			}
			if phase > 1 {
				r.serve(100, nil)
				time.Sleep(time.Minute + time.Second)
				synctest.Wait()
			}
			var text string
			if err := r.Rollback(r.t.Context(), "by a test", func(s Step) { text = s.Text }); err != nil {
				t.Errorf("phase %d: %v", phase, err)
			}
			if err := <-deploy; !errors.Is(err, ErrRolledBack) {
				t.Errorf("phase %d: the deploy ended with %v", phase, err)
			}
			if now := r.Board.Snapshot(); now.Version != "v1" || r.kept() != "" || text != "the deploy of v2 has ended, v1 stays" {
				t.Errorf("phase %d: %q in force, kept %q, text %q", phase, now.Version, r.kept(), text)
			}
		})
	}
}
