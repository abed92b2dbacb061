package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// replacedWithin is how long an instance that is killed or frozen may be
	// there. A frozen one fails four checks, is drained, and stopped: about 10 s. One
	// that starts has startTimeout, 30 s. The rest is for a machine that is busy.
	replacedWithin = 45 * time.Second
	// A suspended instance fails at most three of the four checks in a row after
	// which it is replaced.
	shortSuspension = 200 * time.Millisecond
	longSuspension  = 1200 * time.Millisecond
	// restartWithin bounds a rolling restart of up to seven instances, one by
	// one.
	restartWithin = 2 * time.Minute
)

// An injector injects the faults and records the times in which they excuse a
// loss.
type injector struct {
	daemon  *daemon
	admin   *admin
	config  *configFile
	windows *windows
	begun   time.Time

	waiting  sync.WaitGroup // for what goes on after a fault
	striking sync.WaitGroup // as long as an instance that was struck is there, and a moment longer

	mu      sync.Mutex // guards all below
	done    doneFaults
	written int // the number of the last valid config
}

// doneFaults is the result of the faults.
type doneFaults struct {
	count         [kinds]int
	busy, aborted int      // of the restarts
	rejected      int      // reloads whose new instance was struck
	superseded    int      // restarts and reloads in whose place a reload began
	troubles      []string // what dynlb handled wrongly
}

// run injects the faults of a plan, each at its time or, if later, when the one
// before it is done. It returns when their effects are over.
func (i *injector) run(ctx context.Context, plan []fault) {
	defer i.waiting.Wait()
	defer i.striking.Wait()
	i.begun = time.Now()
	for _, f := range plan {
		if !pause(ctx, time.Until(i.begun.Add(f.at))) {
			return
		}
		err := i.inject(ctx, f)
		if errors.Is(err, errNoInstance) || ctx.Err() != nil {
			continue
		}
		i.mu.Lock()
		i.done.count[f.kind]++
		i.mu.Unlock()
		if err != nil {
			i.trouble(f.kind, err)
		}
	}
}

// errNoInstance reports that there was no instance to strike.
var errNoInstance = errors.New("no instance")

// inject injects one fault. It fails when dynlb does not handle it correctly, or
// with errNoInstance when the fault could not be injected.
func (i *injector) inject(ctx context.Context, f fault) error {
	switch f.kind {
	case scale:
		return i.admin.scale(ctx, minInstances+int(f.pick)%(maxTarget-minInstances+1))
	case restart:
		i.waiting.Go(func() { i.restart(ctx) }) // ends after restartWithin at the latest
		return nil
	case reload:
		return i.reload(ctx, f)
	case invalid:
		return i.spoil(ctx, f)
	case kill:
		return i.strike(ctx, f, syscall.SIGKILL)
	case freeze, suspend:
		return i.strike(ctx, f, syscall.SIGSTOP)
	default:
		return fmt.Errorf("no such fault: %d", f.kind)
	}
}

func (i *injector) trouble(k kind, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.done.troubles = append(i.done.troubles, fmt.Sprintf("%v at %v: %v", k, since(i.begun), err))
}

func (i *injector) restart(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, restartWithin)
	defer cancel()
	err := i.admin.restart(limited)
	switch {
	case err == nil, ctx.Err() != nil:
	case errors.Is(err, errBusy):
		i.count(&i.done.busy)
	case errors.Is(err, errAborted):
		i.count(&i.done.aborted)
	case errors.Is(err, errSuperseded):
		i.count(&i.done.superseded)
	default:
		i.trouble(restart, err)
	}
}

// strike sends a signal to the process group of an instance, and holds a window open until its process
// is gone. It first waits until the instance struck before is gone: its requests are
// then on other instances, and a request survives the death of one instance, not
// of two.
func (i *injector) strike(ctx context.Context, f fault, sig syscall.Signal) error {
	i.striking.Wait()
	pool, err := i.admin.status(ctx)
	if err != nil {
		return err
	}
	var pids []int
	for _, in := range pool.GetInstances() {
		if pid := pidOf(in); pid != 0 {
			pids = append(pids, pid)
		}
	}
	if len(pids) == 0 {
		return errNoInstance // all are being replaced already
	}
	pid := pids[int(f.pick)%len(pids)]
	process, err := os.FindProcess(pid) // from here on the pid cannot be reused
	if err != nil {
		return fmt.Errorf("find instance: %w", err)
	}
	defer func() { _ = process.Release() }()
	if !instanceOf(i.daemon.pid(), pid) {
		return errNoInstance // it has ended by itself
	}
	if f.kind == suspend {
		return i.suspend(ctx, f, pid)
	}
	closeAt := i.windows.open(pid, time.Now())
	if err := signalGroup(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		closeAt(time.Now())
		return fmt.Errorf("signal instance: %w", err)
	}
	i.striking.Go(func() { // ends soon after replacedWithin at the latest
		if err := awaitGone(ctx, pid); err != nil && ctx.Err() == nil {
			i.trouble(f.kind, err)
		}
		closeAt(time.Now())
		pause(ctx, minGap) // the app answers far sooner
	})
	return nil
}

// suspend stops an instance for so short a time that dynlb must not lose anything
// for it, unless the instance is ended meanwhile.
func (i *injector) suspend(ctx context.Context, f fault, pid int) error {
	closeAt := i.windows.open(pid, time.Now())
	began := time.Now()
	if err := signalGroup(pid, syscall.SIGSTOP); err != nil && !errors.Is(err, syscall.ESRCH) {
		closeAt(began)
		return fmt.Errorf("suspend instance: %w", err)
	}
	i.striking.Go(func() { // ends after longSuspension at the latest
		pause(ctx, shortSuspension+time.Duration(f.pick)%(longSuspension-shortSuspension))
		if gone(pid) {
			closeAt(time.Now())
			return
		}
		_ = signalGroup(pid, syscall.SIGCONT) // it may have ended at this moment
		closeAt(time.Time{}.Add(1))           // long ago: it excuses nothing
	})
	return nil
}

// awaitGone waits until a process has ended, for replacedWithin at most.
func awaitGone(ctx context.Context, pid int) error {
	for deadline := time.Now().Add(replacedWithin); !gone(pid); {
		if time.Now().After(deadline) {
			return fmt.Errorf("the instance with pid %d is still there after %v", pid, replacedWithin)
		}
		if !pause(ctx, 10*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// pause waits, and reports whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// since is how long ago t was, as short as is useful.
func since(t time.Time) time.Duration { return time.Since(t).Round(100 * time.Millisecond) }

// total returns how many faults there were so far.
func (i *injector) total() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := 0
	for _, count := range i.done.count {
		n += count
	}
	return n
}
