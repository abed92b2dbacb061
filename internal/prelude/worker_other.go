//go:build !linux

package prelude

// startWorker does nothing: these systems have no keeper.
func startWorker([]string) {}
