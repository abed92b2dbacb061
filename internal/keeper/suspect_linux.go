package keeper

import "errors"

// suspect is what is at fault when a worker of an unproven binary rejects the config: the
// proven binary is tried with it.
type suspect uint8

const (
	nothing      suspect = iota
	configOrNew          // the proven binary is tried next
	configItself         // the proven binary has rejected it, too
)

// whyEnded returns why a worker that was to take over has ended.
func (w *worker) whyEnded() error {
	if w.rejects {
		return errors.New("the new binary rejects the config; the log says why")
	}
	return errors.New("the new worker has ended: " + w.cmd.ProcessState.String())
}

// blame goes back to the last proven binary when a worker of another one has died, unless
// the config may be the reason.
func (k *keeper) blame(w *worker) {
	if w.rejects {
		k.doubt(w)
		return
	}
	k.disprove(w)
}

// doubt notes that a worker has rejected the config.
func (k *keeper) doubt(w *worker) {
	switch {
	case k.current == k.proven:
	case w.binary == k.proven:
		k.suspect = configItself
	case k.suspect == nothing:
		k.suspect = configOrNew
	}
}

// candidate returns the binary of the next worker.
func (k *keeper) candidate() *binary {
	if k.suspect == configOrNew {
		return k.proven
	}
	return k.current
}

// resolve notes that a worker serves with the config. If the binary after its own has
// rejected that, the fault is in the binary.
func (k *keeper) resolve(w *worker) {
	k.suspect = nothing
	if w.binary == k.current {
		return
	}
	k.Log.Error("the new binary does not take the config, going back to the one before", "binary", k.current.name, "before", w.binary.name)
	k.revert(w.binary, "it does not take the config, which the binary before does")
}
