package process

import (
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/process/explain"
	"github.com/dynlb/dynlb/internal/process/orphan"
)

// wait follows the child from its exit to Done.
func (p *Process) wait() {
	var ended time.Time
	if awaitExit(p.PID()) {
		ended = time.Now()
		p.endGroup()
	}
	err := p.cmd.Wait()
	if ended.IsZero() {
		ended = time.Now()
	}
	p.mu.Lock()
	p.reaped = true
	killing := p.killing
	p.mu.Unlock()

	p.exit = newExit(p.cmd.ProcessState, err)
	if p.exit.Signal == syscall.SIGKILL && !killing {
		p.exit.Reason += explain.OutOfMemory(p.oom.Kills()) // before the cgroup is removed
	}
	awaitGroupGone(p.PID(), waitDelay)
	_ = p.cgroup.End(waitDelay) // a group that stays is removed by the guard
	p.cgroup.Reap()
	if p.mark != "" {
		_, _ = orphan.KillMarked(p.mark, waitDelay) // the guard kills what is left
	}
	p.output.close(waitDelay)

	p.exit.Time = ended
	p.exit.Output = p.output.lastLines()
	p.exit.Dropped = p.output.dropped.Load()
	close(p.done)
}

// endGroup kills what is left of the group. It runs between the exit of the
// leader and its reaping: until then its pid, and so the group's id, cannot be
// given to anyone else. This is the last signal that the group gets.
func (p *Process) endGroup() {
	p.awaitGroup()
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = signalGroup(p.PID(), syscall.SIGKILL) // nobody is left, mostly
	p.cgroup.Kill()
	p.reaped = true
}

// awaitGroup gives the rest of the group the time that Stop grants, when the
// leader was quicker than its children: npm and shells exit at once on SIGTERM,
// the server below them may still have work to finish. Without a Stop the
// leader's exit is the end of the group.
func (p *Process) awaitGroup() {
	p.mu.Lock()
	stopping := p.stopping
	p.mu.Unlock()
	for pause := 5 * time.Millisecond; stopping && groupAlive(p.PID()); pause = min(2*pause, 100*time.Millisecond) {
		select {
		case <-p.killed:
			return
		case <-time.After(pause):
		}
	}
}
