package local

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestStagedInstanceFails: all staged ones drain, and the others stay as they were,
// without a replacement and without a backoff.
func TestStagedInstanceFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		fail func(r *rig, p *fakeProcess)
		want string
	}{
		{"ends before it is ready", func(r *rig, p *fakeProcess) { p.die("exit status 1") }, "did not become ready"},
		{"does not become ready in time", func(r *rig, _ *fakeProcess) { r.after(11 * time.Second) }, "did not become ready"},
		{"ends later", func(r *rig, p *fakeProcess) {
			r.bootIn(0)
			r.after(time.Second)
			p.die("exit status 1")
		}, "failed"},
		{"hangs", func(r *rig, p *fakeProcess) {
			r.bootIn(0)
			r.after(time.Second)
			p.set(func(p *fakeProcess) { p.boot = time.Hour })
			r.checks(8)
		}, "failed"},
		{"cannot be started", func(r *rig, _ *fakeProcess) {
			r.bootIn(0)
			r.refuseStarts(errors.New("no such program"))
			r.Resize(1)
			synctest.Wait()
		}, "no such program"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			withFleet(t, v1, func(t *testing.T, r *rig) {
				r.Scale(3, "test")
				r.after(50 * time.Millisecond)
				before := r.running()
				r.bootIn(time.Hour)
				s := r.stage(0.1)
				r.after(time.Millisecond)
				c.fail(r, r.all()[3])
				r.after(time.Second)
				select {
				case err := <-s.Done:
					if err == nil || !strings.Contains(err.Error(), c.want) {
						t.Errorf("error %v, want %q", err, c.want)
					}
				default:
					t.Fatal("the staging has not ended")
				}
				r.refuseStarts(nil)
				r.after(time.Minute)
				r.wantVersions("3 v1 0 v2")
				for _, p := range before {
					if !p.alive() {
						t.Error("an instance of the present version was stopped")
					}
				}
				if now := r.board.Snapshot(); now.Restarts != 0 || now.Trouble != "" {
					t.Errorf("%d restarts, trouble %q", now.Restarts, now.Trouble)
				}
				r.stage(0.1) // another one may follow
			})
		})
	}
}
