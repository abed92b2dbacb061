package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// restart begins a restart and returns what tells its progress and its end.
func (b *bench) restart(surge int) (progress chan string, done chan error) {
	progress, done = make(chan string, 100), make(chan error, 1)
	go func() {
		done <- b.Restart(context.Background(), surge, "restart", func(n, of int) {
			progress <- fmt.Sprintf("%d/%d", n, of)
		})
	}()
	return progress, done
}

// TestRestart: every instance is replaced, there are never fewer ready ones than
// there should be, nor more than one too many.
func TestRestart(t *testing.T) {
	for _, surge := range []int{1, 2, 10} {
		t.Run(fmt.Sprint("surge ", surge), func(t *testing.T) {
			supervise(t, nil, func(t *testing.T, b *bench) {
				b.Scale(3, "test")
				b.after(50 * time.Millisecond)
				before := b.running()
				progress, done := b.restart(surge)
				for len(done) == 0 {
					b.after(time.Millisecond)
					s := b.registry.Snapshot()
					if ready := s.Count(registry.Ready); ready < 3 {
						t.Fatalf("only %d ready", ready)
					}
					if all := s.Count(registry.Ready, registry.Starting); all > 3+min(surge, 3) {
						t.Fatalf("%d instances with a surge of %d", all, surge)
					}
				}
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				b.want("3 ready")
				for _, p := range before {
					if p.alive() {
						t.Error("an old instance is left")
					}
				}
				if got := len(b.all()); got != 6 {
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

// TestRestartDrains: an old instance with a request in flight is not stopped,
// and not taken back either.
func TestRestartDrains(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		lease, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		_, done := b.restart(1)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		b.want("1 ready 1 draining")
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		b.want("2 ready 1 draining")
		lease.Release()
		synctest.Wait()
		b.want("2 ready")
	})
}

// TestRestartStopsWhenNewOnesFail: what cannot start replaces nothing.
func TestRestartStopsWhenNewOnesFail(t *testing.T) {
	for name, fail := range map[string]func(*bench){
		"cannot be started": func(b *bench) { b.refuse = func() error { return errors.New("no such app") } },
		"never ready":       func(b *bench) { b.boot = time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			supervise(t, nil, func(t *testing.T, b *bench) {
				b.Scale(2, "test")
				b.after(50 * time.Millisecond)
				before := b.running()
				b.machine.mu.Lock()
				fail(b)
				for _, p := range before { // they stay as they are
					p.born = p.born.Add(-2 * time.Hour)
				}
				b.machine.mu.Unlock()
				_, done := b.restart(1)
				err := <-done
				if err == nil || !strings.HasPrefix(err.Error(), "0 of 2 instances replaced, the others stay; the new one: ") {
					t.Errorf("Restart: %v", err)
				}
				b.after(time.Minute)
				b.want("2 ready")
				if after := b.running(); !slices.Equal(before, after) {
					t.Error("the old ones did not stay")
				}
				if got := b.board.Snapshot().Restarts; got != 0 {
					t.Errorf("%d restarts counted", got)
				}
			})
		})
	}
}

func TestRestartWhileRestarting(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		_, first := b.restart(1)
		synctest.Wait()
		_, second := b.restart(1)
		if err := <-second; !errors.Is(err, fleet.ErrRestarting) {
			t.Errorf("the second: %v", err)
		}
		if err := <-first; err != nil {
			t.Errorf("the first: %v", err)
		}
	})
}

// TestRestartWithoutItsCaller goes on.
func TestRestartWithoutItsCaller(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := b.Restart(ctx, 1, "restart", func(int, int) {}); !errors.Is(err, context.Canceled) {
			t.Errorf("Restart: %v", err)
		}
		b.after(time.Second)
		if got := len(b.all()); got != 4 {
			t.Errorf("%d starts, want 4", got)
		}
		b.want("2 ready")
	})
}

// TestScaleDuringRestart: both come to their end.
func TestScaleDuringRestart(t *testing.T) {
	for _, to := range []int{0, 1, 5} {
		supervise(t, func(_ *Settings, m *machine) { m.boot = 100 * time.Millisecond }, func(t *testing.T, b *bench) {
			b.Scale(3, "test")
			b.after(time.Second)
			_, done := b.restart(1)
			b.after(150 * time.Millisecond)
			b.Scale(to, "test")
			if err := <-done; err != nil {
				t.Errorf("Restart: %v", err)
			}
			b.after(time.Second)
			if got := len(b.running()); got != to {
				t.Errorf("%d instances, want %d", got, to)
			}
			for _, p := range b.running() {
				if p.pid < 103 {
					t.Error("an old one is left")
				}
			}
		})
	}
}

func TestStopDuringRestart(t *testing.T) {
	supervise(t, func(_ *Settings, m *machine) { m.boot = time.Second }, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(2 * time.Second)
		_, done := b.restart(1)
		b.after(10 * time.Millisecond)
		b.Stop(context.Background())
		if err := <-done; !errors.Is(err, registry.ErrClosed) {
			t.Errorf("Restart: %v", err)
		}
		if err := b.Restart(context.Background(), 1, "late", func(int, int) {}); !errors.Is(err, registry.ErrClosed) {
			t.Errorf("Restart after Stop: %v", err)
		}
	})
}

// TestScaleDuringRestartKeepsTheReady: when there are to be fewer while some are
// still starting, those that are ready stay until others are.
func TestScaleDuringRestartKeepsTheReady(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		b.slow(time.Second)
		b.Scale(3, "test")
		b.after(50 * time.Millisecond)
		_, done := b.restart(1)
		b.after(50 * time.Millisecond)
		b.Scale(1, "test")
		for len(done) == 0 {
			b.after(time.Millisecond)
			if b.ready() == 0 {
				t.Fatal("none is ready")
			}
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.want("1 ready")
	})
}
