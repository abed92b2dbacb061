package process

import (
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/process/explain"
	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/reap"
)

// Intervals of the poll that waits, during a Stop, for the rest of the group. The
// kernel reports the exit of a child, but not that of its group. A poll reads the
// whole of /proc.
const (
	minStopPoll = 5 * time.Millisecond
	maxStopPoll = 100 * time.Millisecond
)

// wait does all that happens between the exit of the child and Done.
func (p *Process) wait() {
	var ended time.Time
	if awaitExit(p.PID()) {
		ended = time.Now()
		p.endGroup()
	}
	err := reap.Wait(p.cmd)
	if ended.IsZero() {
		ended = time.Now()
	}
	p.mu.Lock()
	p.reaped = true
	killing := p.killing
	p.mu.Unlock()

	p.exit = newExit(p.cmd.ProcessState, err)
	if p.exit.Signal == syscall.SIGKILL && !killing {
		kills := p.oom.Kills() // before the cgroup is removed
		p.exit.OutOfMemory = kills > 0
		p.exit.Reason += explain.OutOfMemory(kills)
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

// endGroup kills the rest of the group. It runs after the exit of the leader and
// before its reaping: until then, the kernel gives the leader's pid, and so the
// group's id, to no other process. This is the last signal that the group gets.
func (p *Process) endGroup() {
	p.awaitGroup()
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = signalGroup(p.PID(), syscall.SIGKILL) // usually no process is left
	p.cgroup.Kill()
	p.reaped = true
}

// awaitGroup waits, during a Stop, until the rest of the group has exited or Kill
// is called. The leader may exit before its children do: npm and shells exit at
// once on SIGTERM, while the server that they run finishes its work. Without a
// Stop, the group ends with its leader.
func (p *Process) awaitGroup() {
	p.mu.Lock()
	stopping := p.stopping
	p.mu.Unlock()
	for pause := minStopPoll; stopping && groupAlive(p.PID()); pause = min(2*pause, maxStopPoll) {
		select {
		case <-p.killed:
			return
		case <-time.After(pause):
		}
	}
}
