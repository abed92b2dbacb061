package local

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// stage stages instances of version v2.
func (r *rig) stage(part float64) *fleet.Staging {
	r.t.Helper()
	settings := *r.settings()
	settings.Program.Version = "v2"
	s, err := r.Stage(settings, part, "deploy of v2")
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// versions returns how many instances of each version get requests, such as "3 v1 1 v2".
func (r *rig) versions() string {
	n := map[string]int{}
	now := r.registry.Snapshot()
	for i := range now.Instances {
		if in := &now.Instances[i]; in.State == registry.Ready {
			n[in.Version]++
		}
	}
	return fmt.Sprintf("%d v1 %d v2", n["v1"], n["v2"])
}

func (r *rig) wantVersions(want string) {
	r.t.Helper()
	if got := r.versions(); got != want {
		r.t.Fatalf("ready instances: %q, want %q", got, want)
	}
}

// v1 makes the instances those of version v1.
func v1(s *Settings, _ *machine) { s.Program.Version = "v1" }

// TestStage: staged instances run beside the others, as many as a part of the target, and
// get no request without a share. Promote puts them in the place of the others, which
// drain.
func TestStage(t *testing.T) {
	t.Parallel()
	withFleet(t, v1, func(t *testing.T, r *rig) {
		r.Scale(4, "test")
		r.after(50 * time.Millisecond)
		s := r.stage(0.3)
		r.after(50 * time.Millisecond)
		r.wantVersions("4 v1 2 v2")
		if p := <-s.Progress; p != (fleet.Progress{Ready: 2, Wanted: 2}) {
			t.Errorf("progress %+v", p)
		}
		leases := make([]registry.Lease, 20)
		for i := range leases {
			leases[i] = r.acquire()
		}
		r.Resize(1)
		r.after(50 * time.Millisecond)
		r.wantVersions("4 v1 4 v2")
		now := r.registry.Snapshot()
		for i := range now.Instances {
			if in := &now.Instances[i]; in.Staged && in.Total > 0 {
				t.Error("a staged instance got a request without a share")
			}
		}
		r.Promote("v2 replaces v1")
		synctest.Wait()
		if err := <-s.Done; err != nil {
			t.Fatal(err)
		}
		r.wantVersions("0 v1 4 v2")
		r.want("4 ready 4 draining")
		for _, l := range leases {
			l.Release()
		}
		r.after(time.Second)
		r.want("4 ready")
		r.Scale(5, "test")
		r.after(time.Minute)
		r.wantVersions("0 v1 5 v2")
		if got := len(r.all()); got != 9 {
			t.Errorf("%d starts, want 9", got)
		}
	})
}

// TestPromoteWaits: as many must be ready as the target is at that moment, so there are
// never fewer ready instances that get requests.
func TestPromoteWaits(t *testing.T) {
	t.Parallel()
	withFleet(t, v1, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		r.bootIn(time.Second)
		s := r.stage(1)
		r.Promote("v2 replaces v1")
		r.after(500 * time.Millisecond)
		r.Scale(3, "more load")
		for len(s.Done) == 0 {
			r.after(10 * time.Millisecond)
			if r.ready() < 2 {
				t.Fatalf("%d ready instances, want 2", r.ready())
			}
		}
		if err := <-s.Done; err != nil {
			t.Fatal(err)
		}
		r.wantVersions("0 v1 3 v2")
	})
}

// TestStageOfNone: a version of an app that is scaled to zero is tried all the same.
func TestStageOfNone(t *testing.T) {
	t.Parallel()
	withFleet(t, v1, func(t *testing.T, r *rig) {
		s := r.stage(1)
		r.after(50 * time.Millisecond)
		r.wantVersions("0 v1 1 v2")
		r.Promote("v2 replaces v1")
		if err := <-s.Done; err != nil {
			t.Fatal(err)
		}
		r.after(time.Second)
		r.want("")
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		r.wantVersions("0 v1 1 v2")
	})
}

// TestAbandon: the staged instances finish their requests, and are not taken back.
func TestAbandon(t *testing.T) {
	t.Parallel()
	withFleet(t, v1, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		s := r.stage(1)
		r.after(50 * time.Millisecond)
		r.registry.SetShare(1)
		lease := r.acquire()
		r.Abandon(errors.New("rolled back"))
		if err := <-s.Done; err == nil || err.Error() != "rolled back" {
			t.Errorf("error %v", err)
		}
		r.want("1 ready 1 draining")
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		r.want("2 ready 1 draining")
		lease.Release()
		r.after(time.Second)
		r.wantVersions("2 v1 0 v2")
		r.want("2 ready")
		r.Abandon(errors.New("again")) // has no effect
	})
}

// TestPresentVersionDuringStage: instances of the present version are scaled and replaced
// as ever, and a restart and a config for other instances must wait.
func TestPresentVersionDuringStage(t *testing.T) {
	t.Parallel()
	withFleet(t, v1, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		s := r.stage(0.5)
		r.after(50 * time.Millisecond)
		r.Scale(4, "test")
		r.after(50 * time.Millisecond)
		r.wantVersions("4 v1 2 v2")
		r.all()[0].die("exit status 1")
		r.after(time.Second)
		r.wantVersions("4 v1 2 v2")
		r.Scale(1, "test")
		r.after(time.Second)
		r.wantVersions("1 v1 1 v2")
		if _, err := r.Stage(*r.settings(), 1, "another"); !errors.Is(err, fleet.ErrDeploying) {
			t.Errorf("another deploy: %v", err)
		}
		if _, done := r.restart(1); !errors.Is(<-done, fleet.ErrDeploying) {
			t.Error("a restart begins during a deploy")
		}
		if err := <-r.configure(func(s *Settings) { s.Program.HealthPath = "/other" }); !errors.Is(err, fleet.ErrDeploying) {
			t.Errorf("a config for other instances: %v", err)
		}
		if err := <-r.configure(func(s *Settings) { s.StopTimeout = time.Minute }); err != nil {
			t.Errorf("a config for the same instances: %v", err)
		}
		r.Promote("v2 replaces v1")
		if err := <-s.Done; err != nil {
			t.Fatal(err)
		}
		r.wantVersions("0 v1 1 v2")
		if got := r.settings(); got.Program.Version != "v2" || got.StopTimeout != time.Minute {
			t.Errorf("settings of %q with a stopTimeout of %v", got.Program.Version, got.StopTimeout)
		}
	})
}

// TestStageDuringRestart: a deploy does not begin during a restart.
func TestStageDuringRestart(t *testing.T) {
	t.Parallel()
	withFleet(t, v1, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		_, done := r.restart(1)
		synctest.Wait()
		if _, err := r.Stage(*r.settings(), 1, "deploy"); !errors.Is(err, fleet.ErrRestarting) {
			t.Errorf("Stage: %v", err)
		}
		<-done //nolint:errcheck // how the restart ended is not tested here
	})
}

// TestStopDuringStage: a shutdown ends a deploy, and stops both versions.
func TestStopDuringStage(t *testing.T) {
	t.Parallel()
	withFleet(t, v1, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		s := r.stage(1)
		r.after(50 * time.Millisecond)
		r.Freeze()
		for _, p := range r.running() {
			p.die("signal: terminated") // all have been told to end, as by an init system
		}
		r.after(time.Millisecond)
		r.Stop(t.Context())
		if err := <-s.Done; !errors.Is(err, registry.ErrClosed) {
			t.Errorf("error %v", err)
		}
		if _, err := r.Stage(*r.settings(), 1, "deploy"); !errors.Is(err, registry.ErrClosed) {
			t.Errorf("Stage after Stop: %v", err)
		}
	})
}
