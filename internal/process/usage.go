package process

import (
	"os"
	"time"
)

// Usage is what a child and its descendants take of the machine. The zero Usage
// is that of nothing.
type Usage struct {
	// Memory is their resident memory in bytes. Pages that several of them share
	// (a program's code, what a fork has not yet written to) count for each.
	Memory uint64
	// CPU is the processor time, user and system, that they have used since the
	// child's start. It never decreases.
	CPU time.Duration
	// Suspended tells that one of them is stopped by a signal (SIGSTOP, SIGTSTP) or
	// by a debugger: it does nothing until it is continued.
	Suspended bool
}

// Usage measures the child and its descendants: all that are in the child's
// cgroup where it has one of its own (see Containment), else those that descend
// from it by parents that are still alive. Processor time of a process that has
// ended counts if its parent has waited for it, or if the cgroup keeps count.
//
// It reads a few files of /proc for each process: 0.1 ms for one with twenty
// threads that has a cgroup, 0.3 ms for one without (BenchmarkUsage). It is meant
// to be called every second or so; processor time comes in steps of 10 ms.
//
// The error is os.ErrProcessDone when the child has been reaped, and wraps
// errors.ErrUnsupported on systems other than Linux.
func (p *Process) Usage() (Usage, error) {
	if p.isReaped() {
		return Usage{}, os.ErrProcessDone
	}
	usage, err := p.measure()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped { // meanwhile: what was measured may be another's
		return Usage{}, os.ErrProcessDone
	}
	if err != nil {
		return Usage{}, err
	}
	// The time of a process that ended is missing until its parent waits for it,
	// and for good if that never does.
	p.cpu = max(p.cpu, usage.CPU)
	usage.CPU = p.cpu
	return usage, nil
}

// isReaped reports whether the child's pid may belong to another process now.
func (p *Process) isReaped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reaped
}
