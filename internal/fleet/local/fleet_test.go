package local

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestScaleUpAndDown(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(3, "test")
		synctest.Wait()
		r.want("3 starting")
		r.after(50 * time.Millisecond)
		r.want("3 ready")
		for i, p := range r.all() {
			if want := 5001 + i; p.port != want || !slices.Contains(p.spec.Env, fmt.Sprintf("PORT=%d", want)) || !slices.Contains(p.spec.Env, "DYNLB_APP=web") {
				t.Errorf("process %d has port %d, want %d, in its environment too, and the app", i, p.port, want)
			}
		}
		r.Scale(1, "test")
		synctest.Wait()
		r.want("1 ready")
		if left := r.running(); len(left) != 1 || left[0].port != 5001 {
			t.Error("the first instance did not stay")
		}
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		if left := r.running(); len(left) != 2 || left[1].port != 5002 {
			t.Error("the lowest free port was not used again")
		}
	})
}

func TestStopDrainsThenEnds(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		start := time.Now()
		r.Stop(context.Background())
		if took := time.Since(start); took > 0 {
			t.Errorf("stopping idle instances took %v, want no time", took)
		}
		r.want("")
		r.Scale(5, "too late")
		r.after(time.Second)
		r.want("")
	})
}

// TestStopAtTheDeadlineKills: an instance that ignores SIGTERM and has a request in
// flight is killed at the deadline.
func TestStopAtTheDeadlineKills(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		r.all()[0].set(func(p *fakeProcess) { p.ignoresTERM = true })
		lease := r.acquire()
		defer lease.Release()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		r.Stop(ctx)
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v, want 1s", took)
		}
		if got := r.all()[0].exit.Reason; got != "signal: killed" {
			t.Errorf("exit %q", got)
		}
	})
}

func TestEndOfContextKillsAtOnce(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		r.Scale(3, "test") // one is starting
		for _, p := range r.all() {
			p.set(func(p *fakeProcess) { p.ignoresTERM = true })
		}
		lease := r.acquire()
		defer lease.Release()
		start := time.Now()
		r.kill()
		<-r.done
		if took := time.Since(start); took > 0 {
			t.Errorf("took %v, want no time", took)
		}
	})
}

// TestScaleDownDuringStart: an instance that is not ready yet is stopped first.
func TestScaleDownDuringStart(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		r.Scale(4, "test")
		synctest.Wait()
		r.want("3 starting 1 ready")
		r.Scale(1, "test")
		synctest.Wait()
		r.want("1 ready")
		if got := r.running()[0].port; got != 5001 {
			t.Errorf("the instance on port %d stayed, want the ready one", got)
		}
	})
}
