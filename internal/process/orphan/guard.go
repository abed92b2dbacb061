package orphan

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/process/cgroup"
)

// guardLimit is how long a guard repeats the kill of processes that fork faster
// than it finds them. A kill takes milliseconds otherwise.
const guardLimit = 10 * time.Second

// Guard is the process that kills what is left when dynlb dies. It outlives dynlb
// for that moment. When dynlb is killed, the kernel kills its children (the
// parent-death signal), but not the descendants of these.
type Guard struct {
	cmd  *exec.Cmd
	pipe io.Closer
}

// StartGuard starts a guard: argv is a program that calls RunGuard with its
// standard input. The guard acts when this process is gone, even by SIGKILL, or
// on Close. Without a Close its exit status is not collected.
func StartGuard(argv []string) (*Guard, error) {
	cmd := &exec.Cmd{Path: argv[0], Args: argv, Env: os.Environ(), SysProcAttr: &syscall.SysProcAttr{Setpgid: true}}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	if _, err := io.WriteString(pipe, string(ThisRun())+"\n"); err != nil {
		return nil, fmt.Errorf("start guard: %w", errors.Join(err, pipe.Close(), cmd.Wait()))
	}
	return &Guard{cmd: cmd, pipe: pipe}, nil
}

// Close has the guard kill what is left of this run, and waits for the end of the
// guard.
func (g *Guard) Close() error {
	if err := errors.Join(g.pipe.Close(), g.cmd.Wait()); err != nil {
		return fmt.Errorf("end guard: %w", err)
	}
	return nil
}

// RunGuard is what a guard does. It reads the mark of a run from in, and waits for
// the end of in, which comes when the process that writes to it ends. Then it
// kills the processes of the run, by cgroup and by mark, and removes the cgroups.
// It ignores the signals that a terminal or an init system sends to all processes.
func RunGuard(in io.Reader) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	text, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	if len(text) == 0 || text[len(text)-1] != '\n' {
		return nil // the writer ended before it started a child
	}
	m := Mark(text[:len(text)-1])
	_, cgroupErr := cgroup.EndRuns(func(run string) bool { return run == m.run() }, guardLimit)
	_, err = KillMarked(m, guardLimit)
	return errors.Join(cgroupErr, err)
}
