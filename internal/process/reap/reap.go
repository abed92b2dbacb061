// Package reap collects the exit status of processes that the kernel made children
// of dynlb when their parents died. That happens where dynlb is process 1, as in a
// container without an init. No other process reaps them there, and each would hold a
// pid until dynlb ends.
//
// The children that dynlb starts itself must keep their exit status until their own
// waiter takes it. So all of them are started by Start and waited for by Wait: the
// package knows their pids and leaves them alone. It does not wait for "any child",
// as wait4(2) with pid -1 does.
//
// The package imports procfs, and no other package of dynlb. All functions are safe
// for concurrent use.
package reap

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/process/procfs"
)

// Intervals of Orphans. It reads the whole of /proc each time, which takes some
// milliseconds with a thousand processes.
const (
	// minInterval bounds the work when very many orphans end one after the other.
	minInterval = 100 * time.Millisecond
	// maxInterval is for an exit without a signal: the kernel sends none for a child
	// that chose another one than SIGCHLD (clone(2)).
	maxInterval = 10 * time.Second
)

// children are the children that dynlb has started.
var children = struct {
	sync.Mutex // held while one starts: it may exit before its pid is known
	pids       map[int]bool
}{pids: map[int]bool{}}

// Start starts a command and notes its pid. The caller calls Wait.
func Start(cmd *exec.Cmd) error {
	children.Lock()
	defer children.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	children.pids[cmd.Process.Pid] = true
	return nil
}

// Adopt returns the command of a child that was started before this package was initialised,
// and notes its pid. The caller calls Wait.
func Adopt(pid int) (*exec.Cmd, error) {
	p, err := os.FindProcess(pid)
	if err != nil {
		return nil, err
	}
	children.Lock()
	defer children.Unlock()
	children.pids[pid] = true
	return &exec.Cmd{Process: p}, nil
}

// Wait waits for a command that Start has started, or that Adopt has noted.
func Wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	children.Lock()
	defer children.Unlock()
	delete(children.pids, cmd.Process.Pid)
	return err
}

// Orphans reaps orphans until ctx ends. It returns at once unless this process is
// process 1.
func Orphans(ctx context.Context) {
	if os.Getpid() != 1 {
		return
	}
	exits := make(chan os.Signal, 1)
	signal.Notify(exits, syscall.SIGCHLD)
	defer signal.Stop(exits)
	for {
		reapOrphans()
		if !pause(ctx, nil, minInterval) || !pause(ctx, exits, maxInterval) {
			return
		}
	}
}

// pause returns true after d, or when there is a signal; false when ctx ends.
func pause(ctx context.Context, signals <-chan os.Signal, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-signals:
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	return true
}

// reapOrphans reaps the children that have exited, except those that dynlb has
// started.
func reapOrphans() {
	procs, err := procfs.Processes()
	if err != nil {
		return // they stay zombies until the next time
	}
	children.Lock()
	defer children.Unlock()
	for _, p := range procs {
		if p.PPID == os.Getpid() && p.Exited() && !children.pids[p.PID] {
			_, _ = syscall.Wait4(p.PID, nil, syscall.WNOHANG, nil) // it may have been reaped since
		}
	}
}
