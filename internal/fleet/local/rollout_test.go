package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// restart begins a restart. The channels get its progress and its result.
func (r *rig) restart(surge int) (progress chan string, done chan error) {
	progress, done = make(chan string, 100), make(chan error, 1)
	go func() { // ends with the restart
		done <- r.Restart(context.Background(), surge, "restart", func(n, of int) {
			progress <- fmt.Sprintf("%d/%d", n, of)
		})
	}()
	return progress, done
}

// TestRestart: every instance is replaced, and there are never fewer ready ones
// than the target, nor more than surge above it.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, surge := range []int{1, 2, 10} {
		t.Run(fmt.Sprint("surge ", surge), func(t *testing.T) {
			t.Parallel()
			withFleet(t, nil, func(t *testing.T, r *rig) {
				r.Scale(3, "test")
				r.after(50 * time.Millisecond)
				before := r.running()
				progress, done := r.restart(surge)
				for len(done) == 0 {
					r.after(time.Millisecond)
					s := r.registry.Snapshot()
					if ready := s.Count(registry.Ready); ready < 3 {
						t.Fatalf("%d ready, want 3", ready)
					}
					if all := s.Count(registry.Ready, registry.Starting); all > 3+min(surge, 3) {
						t.Fatalf("%d instances with a surge of %d", all, surge)
					}
				}
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				r.want("3 ready")
				for _, p := range before {
					if p.alive() {
						t.Error("an outdated instance still runs")
					}
				}
				if got := len(r.all()); got != 6 {
					t.Errorf("%d starts, want 6", got)
				}
				close(progress)
				var steps []string
				for p := range progress {
					steps = append(steps, p)
				}
				if !slices.IsSorted(steps) || len(slices.Compact(slices.Clone(steps))) != len(steps) ||
					steps[0] != "0/3" || steps[len(steps)-1] != "3/3" {
					t.Errorf("progress %v", steps)
				}
			})
		})
	}
}

// TestRestartDrains: an outdated instance with a request in flight is neither
// stopped nor taken back.
func TestRestartDrains(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		lease := r.acquire()
		_, done := r.restart(1)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		r.want("1 ready 1 draining")
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		r.want("2 ready 1 draining")
		lease.Release()
		synctest.Wait()
		r.want("2 ready")
	})
}

func TestRestartWhileRestarting(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		_, first := r.restart(1)
		synctest.Wait()
		_, second := r.restart(1)
		if err := <-second; !errors.Is(err, fleet.ErrRestarting) {
			t.Errorf("second restart: %v", err)
		}
		if err := <-first; err != nil {
			t.Errorf("first restart: %v", err)
		}
	})
}

// TestRestartWithoutItsCaller: a restart goes on when the context of its caller
// ends.
func TestRestartWithoutItsCaller(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := r.Restart(ctx, 1, "restart", func(int, int) {}); !errors.Is(err, context.Canceled) {
			t.Errorf("Restart: %v", err)
		}
		r.after(time.Second)
		if got := len(r.all()); got != 4 {
			t.Errorf("%d starts, want 4", got)
		}
		r.want("2 ready")
	})
}

// TestScaleDuringRestart: a restart and a new target are both completed.
func TestScaleDuringRestart(t *testing.T) {
	t.Parallel()
	for _, to := range []int{0, 1, 5} {
		withFleet(t, func(_ *Settings, m *machine) { m.boot = 100 * time.Millisecond }, func(t *testing.T, r *rig) {
			r.Scale(3, "test")
			r.after(time.Second)
			_, done := r.restart(1)
			r.after(150 * time.Millisecond)
			r.Scale(to, "test")
			if err := <-done; err != nil {
				t.Errorf("Restart: %v", err)
			}
			r.after(time.Second)
			if got := len(r.running()); got != to {
				t.Errorf("%d instances, want %d", got, to)
			}
			for _, p := range r.running() {
				if p.pid < 103 {
					t.Error("an outdated instance still runs")
				}
			}
		})
	}
}

func TestStopDuringRestart(t *testing.T) {
	t.Parallel()
	withFleet(t, func(_ *Settings, m *machine) { m.boot = time.Second }, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(2 * time.Second)
		_, done := r.restart(1)
		r.after(10 * time.Millisecond)
		r.Stop(context.Background())
		if err := <-done; !errors.Is(err, registry.ErrClosed) {
			t.Errorf("Restart: %v", err)
		}
		if err := r.Restart(context.Background(), 1, "late", func(int, int) {}); !errors.Is(err, registry.ErrClosed) {
			t.Errorf("Restart after Stop: %v", err)
		}
	})
}

// TestScaleDuringRestartKeepsTheReady: when the target falls while instances start,
// ready ones stay until others are ready.
func TestScaleDuringRestartKeepsTheReady(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		r.bootIn(time.Second)
		r.Scale(3, "test")
		r.after(50 * time.Millisecond)
		_, done := r.restart(1)
		r.after(50 * time.Millisecond)
		r.Scale(1, "test")
		for len(done) == 0 {
			r.after(time.Millisecond)
			if r.ready() == 0 {
				t.Fatal("no instance is ready")
			}
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		r.want("1 ready")
	})
}

// TestScaleDownDuringSurge: with more new instances starting than are needed, the
// last outdated one that serves stays until a new one is ready.
func TestScaleDownDuringSurge(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		r.bootIn(5 * time.Second)
		_, done := r.restart(2)
		r.after(100 * time.Millisecond)
		r.Scale(1, "test")
		r.after(10 * time.Millisecond)
		r.want("1 starting 1 ready")
		if err := <-done; err != nil {
			t.Error(err)
		}
		r.after(time.Second)
		r.want("1 ready")
	})
}
