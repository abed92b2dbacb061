package procfs

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of times in /proc/PID/stat: USER_HZ, 100 a second on all
// platforms of Go (Linux, include/asm-generic/param.h).
const tick = time.Second / 100

// Measure adds up the usage of processes. The processor time includes that of
// children for which a process has waited. Processes that have ended count as
// nothing.
func Measure(pids []int) (Usage, error) {
	var total Usage
	for _, pid := range pids {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			continue // it has ended, or is hidden (hidepid)
		}
		usage, err := parseUsage(string(stat))
		if err != nil {
			return Usage{}, err
		}
		total.Memory += usage.Memory
		total.CPU += usage.CPU
		total.Suspended = total.Suspended || usage.Suspended
	}
	return total, nil
}

// parseUsage parses a line of /proc/PID/stat. The times are those of the process,
// its threads, and the children it has waited for.
func parseUsage(stat string) (Usage, error) {
	const utime, stime, cutime, cstime, rss = 14, 15, 16, 17, 24 // as proc_pid_stat(5) counts
	fields := statFields(stat)
	if len(fields) <= rss-firstField {
		return Usage{}, fmt.Errorf("parse process status %q: too few fields", stat)
	}
	var ticks uint64
	for _, field := range []int{utime, stime, cutime, cstime} {
		n, err := strconv.ParseUint(fields[field-firstField], 10, 64)
		if err != nil {
			return Usage{}, fmt.Errorf("parse process status %q: %w", stat, err)
		}
		ticks += n
	}
	pages, err := strconv.ParseUint(fields[rss-firstField], 10, 64)
	if err != nil {
		return Usage{}, fmt.Errorf("parse process status %q: %w", stat, err)
	}
	return Usage{
		Memory:    pages * uint64(os.Getpagesize()),
		CPU:       time.Duration(ticks) * tick,
		Suspended: fields[0] == "T" || fields[0] == "t", // by a signal, by a tracer
	}, nil
}
