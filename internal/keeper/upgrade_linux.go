package keeper

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// readyLimit bounds the time from the start of a new worker until it is ready. Tests have
// less.
var readyLimit = 10 * time.Second

const (
	// frozenLimit bounds the time from Retire until the worker has frozen. The state that
	// it saved last counts if it does not.
	frozenLimit = time.Second
	// maxDraining is how many workers may drain when an upgrade begins.
	maxDraining = 2
)

// upgrade is one that is under way. All of its state is in here, so that nothing of a
// failed one is left over for the next.
type upgrade struct {
	by     *worker // that has asked for it, and gets the steps; nil: a signal
	seq    uint64
	record Upgrade
	worker *worker
	old    *worker // that has been told to retire; nil: none yet
	timer  *time.Timer
}

// is reports whether a worker is the new one.
func (u *upgrade) is(w *worker) bool { return u.worker == w }

// onUpgrade begins an upgrade that the worker that serves asks for.
func (k *keeper) onUpgrade(w *worker, m message) {
	request, err := body[upgradeRequest](m)
	if err == nil && w != k.active {
		w.send(kindDone, m.Seq, doneReply{Retired: true})
		return
	}
	if err == nil {
		err = k.beginUpgrade(request.Path, w, m.Seq)
	}
	if err != nil {
		w.send(kindDone, m.Seq, doneReply{Error: err.Error()})
	}
}

// errStopping is why there is no upgrade of a dynlb that ends.
var errStopping = errors.New("dynlb is shutting down")

// onBye handles that a worker ends on purpose. If it is the one that serves, or was told to
// retire and has not frozen, dynlb ends with it.
func (k *keeper) onBye(w *worker) {
	w.bye = true
	if k.next != nil && k.next.old == w {
		k.active = w
	}
	if w == k.active {
		k.cancelUpgrade()
	}
}

// cancelUpgrade ends the upgrade under way, as the worker that serves is going to stop dynlb.
func (k *keeper) cancelUpgrade() {
	if k.next != nil && k.active != nil {
		k.upgradeFailed(errStopping)
	}
}

// onRefuse handles that the worker that was to freeze goes on.
func (k *keeper) onRefuse(w *worker, m message) {
	r, err := body[refusal](m)
	if err != nil || w == k.active {
		return
	}
	if k.next == nil || k.next.old != w { // it did not answer in time, and another one serves
		w.send(kindRetire, 0, retireRequest{})
		return
	}
	k.active = w
	k.upgradeFailed(errors.New(r.Reason))
	k.deliver()
}

// upgradeBySignal begins an upgrade to the program that dynlb was started as.
func (k *keeper) upgradeBySignal() {
	if err := k.beginUpgrade("", nil, 0); err != nil {
		k.Log.Error("upgrade failed, nothing has changed", "error", err)
	}
}

// beginUpgrade starts a worker of another binary beside the one that serves.
func (k *keeper) beginUpgrade(path string, by *worker, seq uint64) error {
	draining := len(k.workers) - 1
	switch {
	case k.stopping, k.active != nil && k.active.bye:
		return errStopping
	case k.next != nil:
		return errors.New("an upgrade is under way")
	case k.active == nil:
		return k.refused(path, errors.New("no worker serves: it is being started again"))
	case draining > maxDraining:
		return k.refused(path, fmt.Errorf("%d workers of earlier upgrades still finish their requests, and at most %d may", draining, maxDraining))
	}
	b, err := findBinary(path)
	if err != nil {
		return k.refused(path, err)
	}
	w, err := k.startWorker(b)
	if err != nil {
		k.release(b)
		return k.refused(b.name, err)
	}
	k.begun(b.name)
	u := &upgrade{by: by, seq: seq, worker: w, record: k.report.Last}
	u.timer = k.after(readyLimit, func() {
		if k.next == u && u.old == nil {
			k.upgradeFailed(fmt.Errorf("the new worker is not ready within %v", readyLimit))
		}
	})
	k.next = u
	k.Log.Info("upgrade begun", "binary", b.name, "pid", w.pid())
	u.step(Step{Name: "started", Text: fmt.Sprintf("%s runs as process %d", b.name, w.pid())})
	return nil
}

// step reports a step of the upgrade.
func (u *upgrade) step(s Step) {
	if u.by != nil {
		u.by.send(kindStep, u.seq, s)
	}
}

// reject ends a worker that cannot be used.
func (k *keeper) reject(w *worker, why error) {
	if k.next != nil && k.next.is(w) {
		k.upgradeFailed(why)
		return
	}
	k.Log.Error("worker cannot be used", "pid", w.pid(), "error", why)
	w.signal(syscall.SIGKILL)
}

// onReady handles a worker that can serve.
func (k *keeper) onReady(w *worker) {
	switch {
	case w == k.coming && !k.contained:
		w.ready = true
	case w == k.coming:
		k.serve(w)
	case k.next != nil && k.next.is(w):
		k.next.record.Version = w.version
		k.next.step(Step{Name: "ready", Text: "the new worker is ready, version " + w.version})
		k.retire()
	}
}

// retire tells the worker that serves to freeze. From now on none changes anything.
func (k *keeper) retire() {
	u, old := k.next, k.active
	u.timer.Stop()
	if old == nil { // it has died, and the new one is as good as any
		k.takeOver()
		return
	}
	u.old, k.active = old, nil
	old.send(kindRetire, 0, retireRequest{MayRefuse: true})
	u.timer = k.after(frozenLimit, func() {
		if k.next == u {
			k.Log.Warn("the worker before has not frozen in time, its last saved state counts", "pid", old.pid())
			u.step(Step{Name: "frozen", Text: fmt.Sprintf("process %d did not answer, its last saved state counts", old.pid())})
			k.takeOver()
		}
	})
}

// onFrozen handles the last state of the worker that served.
func (k *keeper) onFrozen(w *worker, m message) {
	s, err := body[saved](m)
	if err != nil || k.next == nil || k.next.old != w {
		return
	}
	k.blob = s.Blob
	k.next.step(Step{Name: "frozen", Text: fmt.Sprintf("process %d finishes its requests", w.pid())})
	k.takeOver()
}

// takeOver has the new worker serve, and ends the upgrade.
func (k *keeper) takeOver() {
	u := k.next
	k.next = nil
	u.timer.Stop()
	before := k.current
	k.current, k.failures = u.worker.binary, 0
	k.release(before)
	k.report.Last = u.record // one before it may have been reverted meanwhile
	k.noteResult(Done, "")
	k.serve(u.worker)
	k.Log.Info("upgraded", "version", u.worker.version, "epoch", k.epoch, "pid", u.worker.pid())
	u.step(Step{Name: "serving", Text: fmt.Sprintf("process %d serves, version %s", u.worker.pid(), u.worker.version), Epoch: k.epoch})
	if u.by != nil {
		u.by.send(kindDone, u.seq, doneReply{})
	}
}

// upgradeFailed ends an upgrade whose new worker cannot be used.
func (k *keeper) upgradeFailed(why error) {
	u := k.next
	k.next = nil
	u.timer.Stop()
	u.worker.kill()
	k.Log.Error("upgrade failed, nothing has changed", "binary", u.worker.binary.name, "error", why)
	k.report.Last = u.record
	k.noteResult(Failed, why.Error())
	if u.by != nil {
		u.by.send(kindDone, u.seq, doneReply{Error: why.Error()})
	}
	k.release(u.worker.binary)
	if k.active == nil && k.coming == nil { // the one before has died, or has retired
		k.restart()
	}
}
