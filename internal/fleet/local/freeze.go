package local

import (
	"syscall"

	"github.com/dynlb/dynlb/internal/process"
)

// Freeze tells the fleet that dynlb is shutting down. See [fleet.Fleet].
func (f *Fleet) Freeze() { f.call(func() { f.frozen = true }) }

// exitedOnSignal reports whether an exit looks like that of a program which was told to end:
// by SIGTERM or SIGINT, with the status that a shell gives for these, or with 0.
func exitedOnSignal(exit *process.Exit) bool {
	const shell = 128 // a shell adds this to the number of the signal
	switch {
	case exit == nil:
		return false
	case exit.Signal != 0:
		return exit.Signal == syscall.SIGTERM || exit.Signal == syscall.SIGINT
	default:
		return exit.Code == 0 || exit.Code == shell+int(syscall.SIGTERM) || exit.Code == shell+int(syscall.SIGINT)
	}
}
