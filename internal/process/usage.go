package process

import (
	"fmt"
	"os"

	"github.com/dynlb/dynlb/internal/process/procfs"
)

// Usage measures the child and its descendants: all processes in the child's
// cgroup where it has one of its own (see cgroup.Containment), else those that
// descend from it by parents that are still alive. The processor time counts from
// the start of the child and never decreases. That of a process that has ended is
// included if its parent has waited for it, or if the cgroup counts it.
//
// It reads a few files of /proc for each process: 0.1 ms for one with twenty
// threads that has a cgroup, 0.3 ms for one without (BenchmarkUsage). Call it once
// a second or so: processor time comes in steps of 10 ms.
//
// The error is os.ErrProcessDone when the child has been reaped, and wraps
// errors.ErrUnsupported on systems other than Linux.
func (p *Process) Usage() (procfs.Usage, error) {
	if p.isReaped() {
		return procfs.Usage{}, os.ErrProcessDone
	}
	usage, err := p.measure()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isReaped() { // since the check above: the pid may have been another's
		return procfs.Usage{}, os.ErrProcessDone
	}
	if err != nil {
		return procfs.Usage{}, err
	}
	// The time of a process that ended is missing until its parent waits for it,
	// and without end if the parent never does.
	p.cpu = max(p.cpu, usage.CPU)
	usage.CPU = p.cpu
	return usage, nil
}

// measure is Usage without a memory of earlier calls.
func (p *Process) measure() (procfs.Usage, error) {
	pids := p.child.Cgroup().PIDs()
	if len(pids) == 0 {
		var err error
		if pids, err = procfs.Tree(p.PID()); err != nil {
			return procfs.Usage{}, fmt.Errorf("measure process: %w", err)
		}
	}
	total, err := procfs.Measure(pids)
	if err != nil {
		return procfs.Usage{}, fmt.Errorf("measure process: %w", err)
	}
	if cpu, ok := p.child.Cgroup().CPU(); ok {
		total.CPU = cpu
	}
	return total, nil
}

// ListensOn finds out whether the child listens on a TCP port, by itself or by a
// process of its group or a descendant of one. It reads /proc, which takes a few
// milliseconds (mainly for the kernel's table of connections), and more on a
// machine with thousands of processes unless the child itself owns the port.
//
// The error is os.ErrProcessDone when the child has been reaped, and wraps
// procfs.ErrUnsupported when the owner of the port cannot be found.
func (p *Process) ListensOn(port int) (procfs.Listening, error) {
	if p.isReaped() {
		return procfs.Listening{Port: port}, os.ErrProcessDone
	}
	return procfs.ListensOn(p.PID(), port)
}

// isReaped reports whether the child's pid may belong to another process now.
func (p *Process) isReaped() bool { return p.child.Reaped() }
