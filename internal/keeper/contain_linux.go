package keeper

import "github.com/dynlb/dynlb/internal/process/orphan"

// killOrphans is orphan.Contain. Tests have another.
var killOrphans = orphan.Contain

// contain kills what earlier runs have left behind and starts the guard, while the first
// worker starts. No worker serves, and so no instance is started, before that is done. Call
// end when nothing is left to guard: it returns why there is no guard.
func (k *keeper) contain() (end func() error) {
	var closeGuard func()
	var err error
	done := make(chan struct{})
	go func() { // ends with the search for processes, which has a limit
		closeGuard, err = killOrphans(k.Log)
		close(done)
		k.post(func() { k.onContained(err) })
	}()
	return func() error {
		<-done
		if err == nil {
			closeGuard()
		}
		return err
	}
}

// onContained has the worker serve that has waited for it.
func (k *keeper) onContained(err error) {
	switch k.contained = err == nil; {
	case err != nil:
		k.result = &result{} // Run returns the error
	case k.coming != nil && k.coming.ready:
		k.serve(k.coming)
	}
}
