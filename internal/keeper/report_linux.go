package keeper

import (
	"os"
	"time"
)

// newReport returns the report of a keeper that has had no upgrade.
func newReport(version string) Report {
	return Report{PID: os.Getpid(), Version: version, Started: time.Now().Round(0)}
}

// begun notes an upgrade that has begun.
func (k *keeper) begun(binary string) {
	k.report.Last = Upgrade{Time: time.Now().Round(0), Binary: binary, Result: UnderWay}
}

// refused notes an upgrade that has not begun, and returns why.
func (k *keeper) refused(binary string, why error) error {
	k.begun(binary)
	k.noteResult(Failed, why.Error())
	return why
}

// noteResult notes how the last upgrade has ended, and tells the worker that serves, or the next
// one if none does.
func (k *keeper) noteResult(r Result, why string) {
	k.report.Last.Result, k.report.Last.Error = r, why
	switch r {
	case Done:
		k.carriedOut = k.report.Last
		k.report.Done++
	case Failed:
		k.report.Failed++
	case Reverted:
		k.report.Reverted++
	case UnderWay:
	}
	k.untold = true
	k.tell()
}

// tell tells the worker that serves of the last upgrade, if it does not know.
func (k *keeper) tell() {
	if k.active != nil && k.untold {
		k.untold = false
		k.active.send(kindReport, 0, k.report)
	}
}
