package process

import (
	"context"
	"time"
)

// Kill sends SIGKILL to the child's group, and to all processes of its cgroup if it
// has one of its own, even when only descendants of the child are left. It returns
// nil when all of them are gone.
func (p *Process) Kill() error { return p.child.Kill() }

// Stop sends SIGTERM to the group. If a process of the group is left after timeout,
// or when ctx is done, it sends SIGKILL. It returns the exit once Done is closed.
// Stop may be called more than once, and together with Kill.
//
// Even SIGKILL does not end a process that is inside an uninterruptible system
// call (a network disk that does not answer); Stop waits for it. A caller with a
// deadline of its own calls Stop in a goroutine and waits for Done.
func (p *Process) Stop(ctx context.Context, timeout time.Duration) Exit {
	if p.child.Terminate() == nil {
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
