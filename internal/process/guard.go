package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// guardLimit is how long a guard goes on killing what forks faster than it looks.
const guardLimit = 10 * time.Second

// Guard is a process that outlives this one, if only by a moment, to kill what
// this one can no longer: when dynlb itself is killed, the kernel kills its
// children (the parent-death signal), but not theirs.
type Guard struct {
	cmd  *exec.Cmd
	pipe io.Closer
}

// StartGuard starts a guard: argv is a program that calls RunGuard with its
// standard input. The guard does its work when this process is gone, however it
// went; Close ends it.
func StartGuard(argv []string) (*Guard, error) {
	cmd := &exec.Cmd{Path: argv[0], Args: argv, Env: os.Environ(), SysProcAttr: &syscall.SysProcAttr{Setpgid: true}}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	if _, err := io.WriteString(pipe.(io.Writer), string(ThisRun())+"\n"); err != nil {
		return nil, fmt.Errorf("start guard: %w", errors.Join(err, pipe.Close(), cmd.Wait()))
	}
	return &Guard{cmd: cmd, pipe: pipe}, nil
}

// Close ends the guard, which kills what is left of this run before it goes.
func (g *Guard) Close() error {
	if err := errors.Join(g.pipe.Close(), g.cmd.Wait()); err != nil {
		return fmt.Errorf("end guard: %w", err)
	}
	return nil
}

// RunGuard is a guard's life: it reads from in what to kill, waits for the end of
// in, which is the end of the process that writes to it, and then kills, by cgroup
// and by mark, and removes the cgroups. It ignores the signals that a terminal or
// an init system sends to everybody.
func RunGuard(in io.Reader) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	text, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	if len(text) == 0 || text[len(text)-1] != '\n' {
		return nil // it ended before it had any children
	}
	m := Mark(text[:len(text)-1])
	_, cgroupErr := endCgroups(func(run string) bool { return run == m.run() }, guardLimit)
	_, err = KillMarked(m, guardLimit)
	return errors.Join(cgroupErr, err)
}
