package deploy

import (
	"context"
	"testing"
	"testing/synctest"
)

// TestRestore: what was deployed runs after a restart of dynlb, unless the config names
// another version since then, or it cannot run.
func TestRestore(t *testing.T) {
	t.Parallel()
	withDeployer(t, func(r *rig) {
		r.succeed("v2")
		for _, c := range []struct{ configured, want string }{{"v1", "v2"}, {"v3", ""}, {"v1", "v2"}} {
			if own := r.restore(c.configured); own.(settings).version.Label != c.want {
				t.Errorf("config of %s: %+v runs, want %q", c.configured, own, c.want)
			}
		}
		if now := r.Board.Snapshot(); now.Version != "v2" || now.PreviousVersion != "v1" {
			t.Errorf("%q after %q", now.Version, now.PreviousVersion)
		}
		if err := r.store.Save("deploy-web", record{Current: Version{Label: "gone"}, Configured: "id of v1"}); err != nil {
			t.Fatal(err)
		}
		if own := r.restore("v1"); own.(settings).version.Label != "" {
			t.Errorf("a version that is gone: %+v", own)
		}
		r.store.docs["deploy-web"] = []byte("{")
		if own := r.restore("v1"); own.(settings).version.Label != "" {
			t.Errorf("a document that is broken: %+v", own)
		}
	})
}

// TestReload: a config for the same version keeps the one that was deployed, and a config
// that names another version counts.
func TestReload(t *testing.T) {
	t.Parallel()
	withDeployer(t, func(r *rig) {
		r.succeed("v2")
		for _, c := range []struct{ configured, want string }{{"v1", "v2"}, {"v3", ""}} {
			own, err := r.Settings(versions{c.configured})
			if err != nil || own.(settings).version.Label != c.want {
				t.Errorf("config of %s: %+v (%v), want %q", c.configured, own, err, c.want)
			}
			r.Configure(versions{c.configured})
		}
		if now := r.Board.Snapshot(); now.Version != "v3" || now.PreviousVersion != "" {
			t.Errorf("%q after %q", now.Version, now.PreviousVersion)
		}
		if own := r.restore("v3"); own.(settings).version.Label != "" {
			t.Errorf("after a restart %+v runs", own)
		}
	})
}

// TestReloadDuringDeploy: a config that now names the deployed version may come while
// another one is deployed, which then stays, also after a restart of dynlb.
func TestReloadDuringDeploy(t *testing.T) {
	t.Parallel()
	for _, rollback := range []bool{false, true} {
		withDeployer(t, func(r *rig) {
			done := make(chan error, 1)
			begin := func() error { return r.Deploy(context.Background(), Order{Version: "v3"}, func(Step) {}) }
			if rollback {
				r.succeed("v3")
				begin = func() error { return r.Rollback(context.Background(), "test", func(Step) {}) }
			}
			r.succeed("v2")
			go func() { done <- begin() }() // ends with the deploy
			synctest.Wait()
			r.Configure(versions{"v2"})
			r.fleet.end(nil)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if own, err := r.Settings(versions{"v2"}); err != nil || own.(settings).version.Label != "v3" {
				t.Errorf("rollback %v: after a reload %+v runs (%v)", rollback, own, err)
			}
			if own := r.restore("v2"); own.(settings).version.Label != "v3" {
				t.Errorf("rollback %v: after a restart %+v runs", rollback, own)
			}
		})
	}
}
