package orphan

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/process/reap"
)

// Pauses before a guard that has ended is started again. They double from the
// shorter to the longer one. A start takes about 10 ms. A guard that has run for the
// longer one counts as stable: the next pause is the shorter one again.
const (
	minGuardPause = 50 * time.Millisecond
	maxGuardPause = 10 * time.Second
)

// Guard is the process that kills what is left when dynlb dies. It outlives dynlb
// for that moment. When dynlb is killed, the kernel kills its children (the
// parent-death signal), but not the descendants of these. A guard process that ends
// before Close is replaced.
type Guard struct {
	argv    []string
	log     *slog.Logger
	closing chan struct{} // closed by Close and Dismiss
	close   func()        // closes closing, once
	idle    bool          // there is nothing to kill; written before closing
	closed  chan struct{} // closed when keep has returned
	err     error         // what went wrong in the end; written before closed
}

// guardProcess is one process of a Guard.
type guardProcess struct {
	cmd     *exec.Cmd
	pipe    io.Closer
	started time.Time
}

// StartGuard starts a guard: argv is a program that calls RunGuard with its
// standard input. The guard acts when this process is gone, even by SIGKILL, or
// on Close. Either Close or Dismiss must be called. When the guard process ends before
// that, the log says so and another one is started.
func StartGuard(argv []string, log *slog.Logger) (*Guard, error) {
	p, err := startGuardProcess(argv)
	if err != nil {
		return nil, err
	}
	g := &Guard{argv: argv, log: log, closing: make(chan struct{}), closed: make(chan struct{})}
	g.close = sync.OnceFunc(func() { close(g.closing) })
	go g.keep(p) // ends with Close
	return g, nil
}

// startGuardProcess starts a guard process and sends it the mark of this run.
func startGuardProcess(argv []string) (*guardProcess, error) {
	cmd := &exec.Cmd{Path: argv[0], Args: argv, Env: os.Environ(), SysProcAttr: &syscall.SysProcAttr{Setpgid: true}}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	if err := reap.Start(cmd); err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	if _, err := io.WriteString(pipe, string(ThisRun())+"\n"); err != nil {
		return nil, fmt.Errorf("start guard: %w", errors.Join(err, pipe.Close(), reap.Wait(cmd)))
	}
	return &guardProcess{cmd: cmd, pipe: pipe, started: time.Now()}, nil
}

// keep waits for the guard process, and starts another one whenever it ends, until
// Close. It is the only caller of Wait.
func (g *Guard) keep(p *guardProcess) {
	defer close(g.closed)
	pause := minGuardPause
	for {
		ended := make(chan error, 1)
		go func() { ended <- reap.Wait(p.cmd) }()
		select {
		case <-g.closing:
			if g.idle {
				_ = p.cmd.Process.Kill() // else it would end the run
			}
			if err := errors.Join(p.pipe.Close(), <-ended); err != nil && !g.idle {
				g.log.Warn("guard process failed, doing its work", "error", err)
				g.err = endRun(ThisRun())
			}
			return
		case err := <-ended:
			_ = err // ProcessState says the same, and is logged
		}
		if time.Since(p.started) >= maxGuardPause {
			pause = minGuardPause
		}
		g.log.Warn("guard process ended, starting another one", "exit", p.cmd.ProcessState.String(), "in", pause)
		if p = g.restart(&pause); p == nil {
			if !g.idle {
				g.err = endRun(ThisRun())
			}
			return
		}
	}
}

// restart starts another guard process. It waits for pause before each attempt, and
// doubles pause after it. It returns nil after Close.
func (g *Guard) restart(pause *time.Duration) *guardProcess {
	for {
		select {
		case <-g.closing:
			return nil
		case <-time.After(*pause):
		}
		*pause = min(2**pause, maxGuardPause)
		p, err := startGuardProcess(g.argv)
		if err == nil {
			g.log.Info("guard process started again", "pid", p.cmd.Process.Pid)
			return p
		}
		g.log.Error("guard process not started, trying again: when dynlb is killed now, processes may be left",
			"error", err, "in", *pause)
	}
}

// Close has the guard kill what is left of this run, and waits for the end of the
// guard. When no guard process runs, Close does this itself.
func (g *Guard) Close() error {
	g.close()
	<-g.closed
	if g.err != nil {
		return fmt.Errorf("end guard: %w", g.err)
	}
	return nil
}

// Dismiss ends the guard when nothing is left that it would have to kill, and other processes
// of this run are to go on.
func (g *Guard) Dismiss() {
	g.idle = true
	g.close()
	<-g.closed
}
