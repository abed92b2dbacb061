package process

import (
	"fmt"
	"syscall"
	"time"
)

// Intervals of the poll that waits, during a Stop, for the rest of the group. The
// kernel reports the exit of a child, but not that of its group. A poll reads the
// whole of /proc.
const (
	minStopPoll = 5 * time.Millisecond
	maxStopPoll = 100 * time.Millisecond
)

// endGroup kills the rest of the group. It runs after the exit of the leader and
// before its reaping: until then, the kernel gives the leader's pid, and so the
// group's id, to no other process. This is the last signal that the group gets.
func (f *Forked) endGroup() {
	f.awaitGroup()
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = signalGroup(f.PID(), syscall.SIGKILL) // usually no process is left
	f.cgroup.Kill()
	f.reaped = true
}

// awaitGroup waits, during a Stop, until the rest of the group has exited or Kill
// is called. The leader may exit before its children do: npm and shells exit at
// once on SIGTERM, while the server that they run finishes its work. Without a
// Stop, the group ends with its leader.
func (f *Forked) awaitGroup() {
	f.mu.Lock()
	stopping := f.stopping
	f.mu.Unlock()
	for pause := minStopPoll; stopping && groupAlive(f.PID()); pause = min(2*pause, maxStopPoll) {
		select {
		case <-f.killed:
			return
		case <-time.After(pause):
		}
	}
}

// signalLocked sends sig to the group, unless the leader has been reaped: the id
// may then belong to another group.
func (f *Forked) signalLocked(sig syscall.Signal) error {
	if f.reaped {
		return nil
	}
	if err := signalGroup(f.PID(), sig); err != nil {
		return fmt.Errorf("send %v to process group %d: %w", sig, f.PID(), err)
	}
	return nil
}
