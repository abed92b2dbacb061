package process

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// Terminate sends SIGTERM to the child's group. It does nothing and returns nil
// when the group is gone already. A child that is stopped (SIGSTOP) or ignores
// the signal goes on; see Stop.
func (p *Process) Terminate() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.signalLocked(syscall.SIGTERM)
}

// Kill sends SIGKILL to the child's group and to all of its cgroup, if it has one
// of its own, also when the child itself is gone and others remain. It does
// nothing and returns nil when they are gone already.
func (p *Process) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.killing {
		p.killing = true
		close(p.killed)
	}
	p.cgroup.Kill()
	return p.signalLocked(syscall.SIGKILL)
}

// Stop sends SIGTERM to the group, and SIGKILL when anything of the group is
// left after timeout or when ctx is done, whichever comes first. It returns the
// exit once Done is closed. Stop may be called more than once and beside Kill.
//
// Not even SIGKILL ends a process inside an uninterruptible system call (a dead
// network disk); Stop waits for it. A caller with a deadline of its own runs
// Stop in a goroutine and waits for Done.
func (p *Process) Stop(ctx context.Context, timeout time.Duration) Exit {
	p.mu.Lock()
	p.stopping = true
	err := p.signalLocked(syscall.SIGTERM)
	p.mu.Unlock()

	if err == nil {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		select {
		case <-p.done:
			return p.exit
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	_ = p.Kill() // a failure leaves the wait for Done, which is all there is
	<-p.done
	return p.exit
}

// signalLocked sends sig to the group unless the leader has been reaped: then
// the group's id may be someone else's.
func (p *Process) signalLocked(sig syscall.Signal) error {
	if p.reaped {
		return nil
	}
	if err := signalGroup(p.PID(), sig); err != nil {
		return fmt.Errorf("send %v to process group %d: %w", sig, p.PID(), err)
	}
	return nil
}
