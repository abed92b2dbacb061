package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CPU time is read per process group. Every peer is started as the leader of a
// group of its own, so nginx's workers count with their master; dynlb puts its
// instances in groups of their own, so they do not count as dynlb.
//
// The clock is the kernel's per-process CPU clock (clock_getcpuclockid(3)): the
// scheduler's own nanoseconds, user and system, over all threads, those that
// have ended included, and brought up to date when read. /proc/PID/stat has the
// same sum rounded to 10 ms ticks; /proc/PID/task/*/schedstat has nanoseconds
// but forgets threads that ended and lags up to a tick on those that run.

// A cpuReading is the CPU time of each process of a group at one moment.
type cpuReading map[int]time.Duration

// readGroupCPU reads the clocks of all processes in group pgid. Group 0 stands
// for "no process to account" and reads empty.
func readGroupCPU(pgid int) (cpuReading, error) {
	reading := cpuReading{}
	if pgid == 0 {
		return reading, nil
	}
	pids, err := groupMembers("/proc", pgid)
	if err != nil {
		return nil, err
	}
	if len(pids) == 0 {
		return nil, fmt.Errorf("read CPU time: process group %d is gone", pgid)
	}
	for _, pid := range pids {
		if reading[pid], err = processCPU(pid); err != nil {
			return nil, fmt.Errorf("read CPU time of process %d: %w", pid, err)
		}
	}
	return reading, nil
}

// since returns the CPU time used from the earlier reading to this one. It is
// an error when a process came or went in between: its share is unknown.
func (r cpuReading) since(earlier cpuReading) (time.Duration, error) {
	var used time.Duration
	for pid, now := range r {
		before, ok := earlier[pid]
		if !ok {
			return 0, fmt.Errorf("process %d started during the window", pid)
		}
		used += now - before
	}
	for pid := range earlier {
		if _, ok := r[pid]; !ok {
			return 0, fmt.Errorf("process %d ended during the window", pid)
		}
	}
	return used, nil
}

// groupMembers lists the live processes of group pgid, in ascending order, from
// the proc file system mounted at root.
func groupMembers(root string, pgid int) ([]int, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue // not a process
		}
		line, err := os.ReadFile(root + "/" + entry.Name() + "/stat")
		if err != nil {
			continue // ended since the listing
		}
		stat, err := parseStat(string(line))
		if err != nil {
			return nil, fmt.Errorf("process %d: %w", pid, err)
		}
		if stat.group == pgid && !stat.dead {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// procStat is what the accounting needs of a /proc/PID/stat line.
type procStat struct {
	group int  // process group
	dead  bool // a zombie: ended, not yet reaped
}

// parseStat reads "pid (comm) state ppid pgrp …" (proc_pid_stat(5)). comm is
// whatever the process calls itself, parentheses and blanks included, so the
// fields are counted from the last closing parenthesis.
func parseStat(line string) (procStat, error) {
	end := strings.LastIndexByte(line, ')')
	fields := strings.Fields(line[end+1:])
	if end < 0 || len(fields) < 3 {
		return procStat{}, fmt.Errorf("parse stat: want \"pid (comm) state ppid pgrp …\", got %q", line)
	}
	group, err := strconv.Atoi(fields[2])
	if err != nil {
		return procStat{}, fmt.Errorf("parse stat: process group: %w", err)
	}
	state := fields[0]
	return procStat{group: group, dead: state == "Z" || state == "X"}, nil
}
