package local

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

func TestScaleUpAndDown(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(3, "test")
		synctest.Wait()
		b.want("3 starting")
		b.after(50 * time.Millisecond)
		b.want("3 ready")
		for i, p := range b.all() {
			if want := 5001 + i; p.port != want || !slices.Contains(p.spec.Env, fmt.Sprintf("PORT=%d", want)) {
				t.Errorf("process %d has port %d, want %d, in its environment too", i, p.port, want)
			}
		}
		b.Scale(1, "test")
		synctest.Wait()
		b.want("1 ready")
		if left := b.running(); len(left) != 1 || left[0].port != 5001 {
			t.Error("the first instance was not the one to stay")
		}
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		if left := b.running(); len(left) != 2 || left[1].port != 5002 {
			t.Error("the lowest free port was not used again")
		}
	})
}

// TestScaleDownWaitsForRequests: an instance gets SIGTERM only when nothing is
// in flight, and one without requests goes first.
func TestScaleDownWaitsForRequests(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		one, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		two, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		three, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		b.Scale(1, "test")
		b.after(10 * time.Second)
		b.want("1 ready 1 draining")
		if len(b.running()) != 2 {
			t.Fatal("an instance with a request in flight was stopped")
		}
		two.Release()
		synctest.Wait()
		b.want("1 ready")
		one.Release()
		three.Release()
	})
}

func TestDrainTimeout(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		lease, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		defer lease.Release()
		b.Scale(0, "test")
		b.after(b.now().DrainTimeout - time.Millisecond)
		b.want("1 draining")
		b.after(time.Millisecond)
		b.want("")
	})
}

func TestDeathIsReplacedAtOnce(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(time.Second)
		b.all()[0].die("signal: killed", "last words")
		b.after(20 * time.Millisecond)
		b.want("2 ready")
		f := b.board.Snapshot()
		if f.Restarts != 1 || f.LastExit.Reason != "signal: killed" || f.LastExit.Output[0] != "last words" {
			t.Errorf("fleet: %+v", f)
		}
		if f.Trouble != "" {
			t.Errorf("an instance that ran and died is no trouble with starting: %s", f.Trouble)
		}
	})
}

// TestDroppedLinesAreTold: how much of its output was lost, at its end.
func TestDroppedLinesAreTold(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(time.Second)
		b.all()[0].dropped = 7
		for _, p := range b.all() {
			p.die("exit status 1")
		}
		b.after(time.Second)
		if b.log.count("droppedLines=") != 1 || b.log.count("droppedLines=7\n") != 1 {
			t.Errorf("the log:\n%s", b.log.text.String())
		}
	})
}

// TestCrashLoop: the pauses between starts grow and are bounded, and a stable
// minute ends it.
func TestCrashLoop(t *testing.T) {
	supervise(t, func(_ *Settings, m *machine) { m.boot = time.Hour }, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		var starts []time.Time
		for range 14 {
			for len(b.running()) == 0 {
				b.after(10 * time.Millisecond)
			}
			starts = append(starts, time.Now())
			b.running()[0].die("exit status 1", "error: DATABASE_URL is missing", "      at app.ts:1:7", "Bun v1.4.5 (Linux x64)")
			synctest.Wait()
		}
		for i := 2; i < len(starts); i++ {
			pause := starts[i].Sub(starts[i-1])
			nominal := min(backoffMax, backoffBase<<(i-2))
			if pause < nominal*3/4 || pause > nominal*5/4+10*time.Millisecond {
				t.Errorf("pause before start %d: %v, want %v give or take a quarter", i, pause, nominal)
			}
		}
		if got, want := b.registry.Trouble(), "exit status 1: error: DATABASE_URL is missing"; got != want {
			t.Errorf("trouble %q, want %q", got, want)
		}
		b.mu.Lock()
		b.boot = time.Millisecond
		b.mu.Unlock()
		b.after(backoffMax * 2)
		b.want("1 ready")
		if got := b.registry.Trouble(); got != "" {
			t.Errorf("trouble after all is well: %q", got)
		}
		b.after(backoffReset)
		b.running()[0].die("exit status 1")
		b.after(20 * time.Millisecond)
		b.want("1 ready")
	})
}

func TestStartFailure(t *testing.T) {
	missing := fmt.Errorf("bun: not found on PATH")
	supervise(t, func(_ *Settings, m *machine) { m.refuse = func() error { return missing } }, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(time.Second)
		b.want("")
		if got := b.registry.Trouble(); got != missing.Error() {
			t.Errorf("trouble %q", got)
		}
		b.mu.Lock()
		b.refuse = nil
		b.mu.Unlock()
		b.after(time.Minute)
		b.want("2 ready")
	})
}

// TestRestartsAreStaggered: when everything died, no more than one instance per
// core starts at once.
func TestRestartsAreStaggered(t *testing.T) {
	supervise(t, func(_ *Settings, m *machine) { m.boot = time.Second }, func(t *testing.T, b *bench) {
		n := 3 * runtime.GOMAXPROCS(0)
		b.Scale(n, "test")
		b.after(2 * time.Second)
		b.want(fmt.Sprintf("%d ready", n))
		for _, p := range b.running() {
			p.die("signal: killed")
		}
		for range 1000 {
			b.after(10 * time.Millisecond)
			s := b.registry.Snapshot()
			if got := s.Count(registry.Starting); got > runtime.GOMAXPROCS(0) {
				t.Fatalf("%d start at once on %d cores", got, runtime.GOMAXPROCS(0))
			}
		}
		b.after(time.Minute)
		b.want(fmt.Sprintf("%d ready", n))
	})
}

func TestStopDrainsThenEnds(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		start := time.Now()
		b.Stop(context.Background())
		if took := time.Since(start); took > 0 {
			t.Errorf("stopping idle instances took %v", took)
		}
		b.want("")
		b.Scale(5, "too late")
		b.after(time.Second)
		b.want("")
	})
}

// TestStopAtTheDeadlineKills: a deaf instance with a request in flight goes when
// the time is up, not later.
func TestStopAtTheDeadlineKills(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		b.all()[0].set(func(p *fakeProcess) { p.deaf = true })
		lease, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		defer lease.Release()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		b.Stop(ctx)
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v, want 1s", took)
		}
		if got := b.all()[0].exit.Reason; got != "signal: killed" {
			t.Errorf("exit %q", got)
		}
	})
}

func TestEndOfRunKillsAtOnce(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		b.Scale(3, "test") // one is starting
		for _, p := range b.all() {
			p.set(func(p *fakeProcess) { p.deaf = true })
		}
		lease, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		defer lease.Release()
		start := time.Now()
		b.kill()
		<-b.done
		if took := time.Since(start); took > 0 {
			t.Errorf("took %v", took)
		}
	})
}

// TestScaleDownDuringStart: an instance that is not ready yet goes first.
func TestScaleDownDuringStart(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		b.Scale(4, "test")
		synctest.Wait()
		b.want("3 starting 1 ready")
		b.Scale(1, "test")
		synctest.Wait()
		b.want("1 ready")
		if got := b.running()[0].port; got != 5001 {
			t.Errorf("the instance on %d stayed, want the ready one", got)
		}
	})
}

// TestDrainingInstanceIsTakenBack: when load returns, an instance that has not
// stopped yet serves again, rather than a new one.
func TestDrainingInstanceIsTakenBack(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		one, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		two, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		for range 3 { // and again
			b.Scale(1, "test")
			b.after(time.Second)
			b.want("1 ready 1 draining")
			b.Scale(2, "test")
			synctest.Wait()
			b.want("2 ready")
		}
		if got := len(b.all()); got != 2 {
			t.Errorf("%d starts, want 2", got)
		}
		// It is looked after as before.
		b.all()[1].die("signal: killed")
		b.after(50 * time.Millisecond)
		b.want("2 ready")
		one.Release()
		two.Release()

		// One that is to go again drains again, and then stops.
		three, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		four, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		b.Scale(1, "test")
		b.Scale(2, "test")
		b.Scale(1, "test")
		b.after(time.Second)
		b.want("1 ready 1 draining")
		three.Release()
		four.Release()
		synctest.Wait()
		b.want("1 ready")
	})
}

// TestScaleUpWhileDrainingEnds: an instance is taken back or stopped, never
// both, whatever the order in which the drain ends and the target rises.
func TestScaleUpWhileDrainingEnds(t *testing.T) {
	for range 50 {
		supervise(t, nil, func(t *testing.T, b *bench) {
			b.Scale(2, "test")
			b.after(50 * time.Millisecond)
			one, _ := b.registry.Acquire(t.Context(), registry.Preference{})
			two, _ := b.registry.Acquire(t.Context(), registry.Preference{})
			b.Scale(1, "test")
			synctest.Wait()
			go one.Release()
			go two.Release()
			b.Scale(2, "test")
			b.after(time.Second)
			b.want("2 ready")
			if got := len(b.running()); got != 2 {
				t.Errorf("%d processes, want 2", got)
			}
		})
	}
}

// TestStableDeathsAreReplacedAtOnce: however many die one after the other, what
// ran well is replaced at once.
func TestStableDeathsAreReplacedAtOnce(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		for range 20 {
			b.after(stableRun + 50*time.Millisecond)
			b.want("2 ready")
			b.running()[0].die("signal: killed")
			b.after(50 * time.Millisecond)
			b.want("2 ready")
		}
	})
}
