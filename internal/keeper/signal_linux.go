package keeper

import (
	"os"
	"syscall"
	"time"
)

// instanceGrace is how long instances may take to stop when there is no worker that would
// tell them to: the default of stopTimeout.
const instanceGrace = 5 * time.Second

// onSignal passes a signal on to the worker that serves. Those that stop dynlb wait for a
// worker that is about to take over: it would die of them before it can handle them.
func (k *keeper) onSignal(s os.Signal) {
	number, _ := s.(syscall.Signal)
	switch {
	case s == syscall.SIGUSR2:
		k.upgradeBySignal()
		return
	case s == syscall.SIGTSTP:
		k.suspend()
		return
	case s == os.Interrupt, s == syscall.SIGTERM:
		k.stopping = true
		k.cancelUpgrade()
	}
	switch {
	case k.active != nil:
		k.active.signal(number)
	case k.epoch == 0 && k.coming != nil:
		if k.stopping || k.coming.greeted {
			k.coming.signal(number)
		}
	case k.coming != nil, k.next != nil:
		if k.stopping || k.coming == nil { // the new one has read its config long ago
			k.delayed = append(k.delayed, s)
		}
	case k.stopping:
		k.stopInstances()
	}
}

// suspend stops dynlb, as a terminal asks for by Ctrl-Z, until SIGCONT. The instances run
// on.
func (k *keeper) suspend() {
	for _, w := range k.workers {
		w.signal(syscall.SIGSTOP)
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) // returns after SIGCONT
	for _, w := range k.workers {
		w.signal(syscall.SIGCONT)
	}
}

// deliver passes on the signals that have waited.
func (k *keeper) deliver() {
	for _, s := range k.delayed {
		k.onSignal(s)
	}
	k.delayed = nil
}

// stopInstances ends dynlb without a worker.
func (k *keeper) stopInstances() {
	k.Log.Info("no worker runs, stopping the instances")
	for _, in := range k.instances {
		_ = in.child.Terminate() // what is left is killed
	}
	k.after(instanceGrace, func() { k.result = &result{} })
	k.endWhenEmpty()
}

// endWhenEmpty ends the keeper when it stops without a worker and no instance runs.
func (k *keeper) endWhenEmpty() {
	if !k.stopping || k.active != nil || k.coming != nil || k.next != nil {
		return
	}
	for _, in := range k.instances {
		if in.Exit == nil {
			return
		}
	}
	k.result = &result{}
}
