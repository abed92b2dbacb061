package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// tick is the unit of times in /proc/pid/stat: USER_HZ, 100 a second wherever Go
// runs (Linux, include/asm-generic/param.h).
const tick = time.Second / 100

// measure is Usage as it is read now.
func (p *Process) measure() (Usage, error) {
	pids, err := p.members()
	if err != nil {
		return Usage{}, fmt.Errorf("measure process: %w", err)
	}
	var total Usage
	for _, pid := range pids {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			continue // gone, or hidden from us
		}
		usage, err := parseUsage(string(stat))
		if err != nil {
			return Usage{}, fmt.Errorf("measure process: %w", err)
		}
		total.Memory += usage.Memory
		total.CPU += usage.CPU
		total.Suspended = total.Suspended || usage.Suspended
	}
	if cpu, ok := p.cgroup.cpu(); ok {
		total.CPU = cpu
	}
	return total, nil
}

// members lists the processes that are the child's, as Usage says.
func (p *Process) members() ([]int, error) {
	if pids := p.cgroup.pids(); len(pids) > 0 {
		return pids, nil
	}
	pids, err := descendants(p.PID())
	if !errors.Is(err, fs.ErrNotExist) {
		return pids, err
	}
	procs, err := processes() // the kernel does not list children
	if err != nil {
		return nil, err
	}
	return family(procs, p.PID()), nil
}

// descendants lists a process and those that descend from it. It looks at no
// process of anybody else. The error is that of childrenOf.
func descendants(pid int) ([]int, error) {
	pids := []int{pid}
	for i := 0; i < len(pids); i++ {
		children, err := childrenOf(pids[i])
		if err != nil && i == 0 {
			return nil, err
		}
		pids = append(pids, children...)
	}
	return pids, nil
}

// parseUsage reads a line of /proc/pid/stat. The times are those of the process,
// its threads, and the children it has waited for.
func parseUsage(stat string) (Usage, error) {
	const utime, stime, cutime, cstime, rss = 14, 15, 16, 17, 24 // as proc_pid_stat(5) counts
	fields := statFields(stat)
	if len(fields) <= rss-firstField {
		return Usage{}, fmt.Errorf("process status %q: cut short", stat)
	}
	var ticks uint64
	for _, field := range []int{utime, stime, cutime, cstime} {
		n, err := strconv.ParseUint(fields[field-firstField], 10, 64)
		if err != nil {
			return Usage{}, fmt.Errorf("process status %q: %w", stat, err)
		}
		ticks += n
	}
	pages, err := strconv.ParseUint(fields[rss-firstField], 10, 64)
	if err != nil {
		return Usage{}, fmt.Errorf("process status %q: %w", stat, err)
	}
	return Usage{
		Memory:    pages * uint64(os.Getpagesize()),
		CPU:       time.Duration(ticks) * tick,
		Suspended: fields[0] == "T" || fields[0] == "t", // by a signal, by a tracer
	}, nil
}
