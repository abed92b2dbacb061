package process

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// Kill sends SIGKILL to the child's group, and to all processes of its cgroup if it
// has one of its own, even when only descendants of the child are left. It returns
// nil when all of them are gone.
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

// Stop sends SIGTERM to the group. If a process of the group is left after timeout,
// or when ctx is done, it sends SIGKILL. It returns the exit once Done is closed.
// Stop may be called more than once, and together with Kill.
//
// Even SIGKILL does not end a process that is inside an uninterruptible system
// call (a network disk that does not answer); Stop waits for it. A caller with a
// deadline of its own calls Stop in a goroutine and waits for Done.
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
	_ = p.Kill() // after an error, waiting for Done is all that is left
	<-p.done
	return p.exit
}

// signalLocked sends sig to the group, unless the leader has been reaped: the id
// may then belong to another group.
func (p *Process) signalLocked(sig syscall.Signal) error {
	if p.reaped {
		return nil
	}
	if err := signalGroup(p.PID(), sig); err != nil {
		return fmt.Errorf("send %v to process group %d: %w", sig, p.PID(), err)
	}
	return nil
}
