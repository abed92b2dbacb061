package deploy

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestCanary: the new version gets its share for the time, and then all.
func TestCanary(t *testing.T) {
	t.Parallel()
	withDeployer(t, func(r *rig) {
		done := r.deploy(canary)
		r.serve(100, nil)
		if staged, _ := r.Registry.Split(); staged.Requests > 0 {
			t.Error("the new version got requests before its instances were ready")
		}
		r.ready()
		if now := r.Board.Snapshot(); now.Deploy.Phase != uint8(Canary) || now.Deploy.Share != 0.1 || now.Deploy.Until.IsZero() {
			t.Errorf("deploy %+v", now.Deploy)
		}
		for range 59 {
			r.serve(100, map[bool]int{true: 1, false: 1})
			time.Sleep(time.Second)
			synctest.Wait()
			if r.fleet.asked || len(done) > 0 {
				t.Fatal("the canary ended early")
			}
		}
		if staged, others := r.Registry.Split(); staged.Requests != 590 || others.Requests != 5310 {
			t.Errorf("%d and %d requests, want 590 and 5310", staged.Requests, others.Requests)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !r.fleet.asked {
			t.Fatal("the new version is not promoted")
		}
		r.fleet.end(nil)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if n := len(r.steps); n < 15 || n > 30 {
			t.Errorf("%d steps", n)
		}
	})
}

// TestCanaryFails: a worse version is abandoned at once, and one of which too little is
// known at the end.
func TestCanaryFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		perTick  int
		failures map[bool]int
		want     string
		within   time.Duration
	}{
		{"failures", 100, map[bool]int{true: 30}, "v2 is worse: ", 3 * time.Second},
		{"failures of both", 100, map[bool]int{true: 30, false: 30}, "", 2 * time.Minute},
		{"too few requests", 5, nil, "too few to judge", 2 * time.Minute},
		{"no requests", 0, nil, "too few to judge", 2 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			withDeployer(t, func(r *rig) {
				began := time.Now()
				done := r.deploy(canary)
				r.ready()
				for len(done) == 0 && !r.fleet.asked {
					r.serve(c.perTick, c.failures)
					time.Sleep(time.Second)
					synctest.Wait()
				}
				if took := time.Since(began); took > c.within {
					t.Errorf("it took %v, want %v at most", took, c.within)
				}
				r.fleet.end(nil)
				switch err := <-done; {
				case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
					t.Errorf("error %v, want %q", err, c.want)
				}
			})
		})
	}
}

// TestOutlook: a canary that will not have enough requests says so when a tenth of its time
// is over, and takes it back when more come.
func TestOutlook(t *testing.T) {
	t.Parallel()
	withDeployer(t, func(r *rig) {
		done := r.deploy(canary)
		r.ready()
		tick := func(requests int) string {
			r.serve(requests, nil)
			time.Sleep(time.Second)
			synctest.Wait()
			return r.Board.Snapshot().Deploy.Outlook
		}
		for range 5 {
			if why := tick(5); why != "" {
				t.Errorf("it knows too early: %s", why)
			}
		}
		if why := tick(5); !strings.Contains(why, "a verdict takes 50 of each") || !strings.Contains(strings.Join(r.steps, "; "), why) {
			t.Errorf("outlook %q, steps %q", why, r.steps)
		}
		if now := r.Board.Snapshot().Deploy; now.MinRequests != 50 || now.Others == 0 {
			t.Errorf("deploy %+v", now)
		}
		if why := tick(2000); why != "" {
			t.Errorf("with enough requests: %s", why)
		}
		time.Sleep(canary.For)
		synctest.Wait()
		r.fleet.end(nil)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestPercent(t *testing.T) {
	t.Parallel()
	for share, want := range map[float64]string{0.1: "10", 0.001: "0.1", 0.33: "33", 1: "100"} {
		if got := fmt.Sprint(percent(share)); got != want {
			t.Errorf("share %v: %s %%, want %s", share, got, want)
		}
	}
}
