package orphan

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/prelude"
	"github.com/dynlb/dynlb/internal/process/cgroup"
)

// guardLimit is how long a guard repeats the kill of processes that fork faster
// than it finds them. A kill takes milliseconds otherwise.
const guardLimit = 10 * time.Second

// RunGuard is what a guard does. It reads the mark of a run from in, and waits for
// the end of in, which comes when the process that writes to it ends. Then it
// kills the processes of the run, by cgroup and by mark, and removes the cgroups.
// It ignores the signals that a terminal or an init system sends to all processes.
func RunGuard(in io.Reader) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	text, err := prelude.GuardInput(in)
	if err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	if len(text) == 0 || text[len(text)-1] != '\n' {
		return nil // the writer ended before it started a child
	}
	return endRun(Mark(text[:len(text)-1]))
}

// endRun kills the processes of a run, except the calling one, and removes the
// cgroups of the run.
func endRun(m Mark) error {
	_, cgroupErr := cgroup.EndRuns(func(run string) bool { return run == m.run() }, guardLimit)
	_, err := KillMarked(m, guardLimit)
	return errors.Join(cgroupErr, err)
}
