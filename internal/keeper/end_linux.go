package keeper

import (
	"fmt"
	"slices"
	"syscall"
	"time"
)

const (
	// restartLimit bounds the time from the start of a worker in the place of one that has
	// died until it is ready: a read of the config and of its files.
	restartLimit = 30 * time.Second
	// stableAfter is how long a worker serves until its death counts as the first one: to
	// start a worker each second costs little, and clients wait for it.
	stableAfter = time.Second
	// minRestartPause and maxRestartPause bound the pause before a worker is started again
	// after one that died soon. The first start is at once; the pause doubles.
	minRestartPause = 100 * time.Millisecond
	maxRestartPause = 10 * time.Second
)

// ended handles the end of the process of a worker.
func (k *keeper) ended(w *worker) {
	k.workers = slices.DeleteFunc(k.workers, func(x *worker) bool { return x == w })
	close(w.queue)
	w.queue = nil
	if w.epoch != 0 && w != k.active && k.active != nil {
		k.active.send(kindInFlight, 0, InFlight{Worker: w.pid(), Ended: true})
	}
	switch {
	case k.next != nil && k.next.is(w):
		k.upgradeFailed(w.whyEnded())
	case k.next != nil && k.next.old == w:
		k.Log.Warn("the worker before has died before it has frozen, its last saved state counts", "pid", w.pid(), "exit", w.cmd.ProcessState.String())
		k.next.step(Step{Name: "frozen", Text: fmt.Sprintf("process %d has died, its last saved state counts", w.pid())})
		k.takeOver()
	case w == k.active:
		k.active = nil
		k.lostActive(w)
	case w == k.coming:
		k.coming = nil
		k.lostComing(w)
	}
}

// lostActive handles the end of the worker that served.
func (k *keeper) lostActive(w *worker) {
	if w.bye || k.stopping {
		k.finish(w)
		return
	}
	k.Log.Error("worker has died, starting another one; the instances stay", "pid", w.pid(), "exit", w.cmd.ProcessState.String())
	if time.Since(w.served) >= stableAfter {
		k.failures = 0
	}
	k.blame(w)
	if k.next == nil { // else that one serves when it is ready
		k.restart()
	}
}

// lostComing handles the end of a worker before it served.
func (k *keeper) lostComing(w *worker) {
	if k.epoch == 0 || k.stopping {
		k.finish(w) // as a dynlb without a keeper ends
		return
	}
	k.Log.Error("worker has ended before it could serve, trying again", "pid", w.pid(), "exit", w.cmd.ProcessState.String())
	k.blame(w)
	k.restart()
}

// finish ends the keeper as a worker has ended.
func (k *keeper) finish(w *worker) {
	k.result = &result{code: w.cmd.ProcessState.ExitCode()}
	if status, ok := w.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		k.result.signal = status.Signal()
	}
}

// restart starts a worker in the place of one that has died: at once, or after a pause if
// that has happened before. It ends dynlb if that is to stop.
func (k *keeper) restart() {
	if k.stopping {
		k.stopInstances()
		return
	}
	pause := time.Duration(0)
	if k.failures > 0 {
		pause = min(minRestartPause<<min(k.failures-1, 10), maxRestartPause)
	}
	k.failures++
	k.after(pause, func() {
		if k.active != nil || k.coming != nil || k.stopping || k.result != nil {
			return
		}
		if err := k.begin(); err != nil {
			k.Log.Error("worker not started, trying again", "error", err)
			k.restart()
		}
	})
}

// begin starts the worker that is going to serve.
func (k *keeper) begin() error {
	w, err := k.firstWorker(k.candidate())
	if err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	k.coming = w
	if k.epoch > 0 {
		k.after(restartLimit, func() {
			if k.coming == w {
				k.Log.Error("worker is not ready in time, ending it", "pid", w.pid(), "limit", restartLimit)
				w.signal(syscall.SIGKILL)
			}
		})
	}
	return nil
}

// kill ends the process and what it has started: a program that is started as dynlb may be a
// script with children. They are in the group of the worker, whose number is not in use
// again as long as one is left; instances have groups of their own.
func (w *worker) kill() {
	w.signal(syscall.SIGKILL)
	_ = syscall.Kill(-w.pid(), syscall.SIGKILL) // there may be none
}

// killWorkers ends all workers that are left.
func (k *keeper) killWorkers() {
	for _, w := range k.workers {
		w.kill()
	}
}
