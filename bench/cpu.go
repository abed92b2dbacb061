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

// A groupClock tells the CPU time of the processes of one group. The zero value
// stands for "no process to account" and always reads 0.
type groupClock struct {
	group int
	pids  []int
}

// newGroupClock finds the processes of group, of which there must be one; group
// 0 has none. Reading the clock later does not look for them again, and takes
// microseconds.
func newGroupClock(group int) (groupClock, error) {
	if group == 0 {
		return groupClock{}, nil
	}
	pids, err := groupMembers("/proc", group)
	if err != nil {
		return groupClock{}, err
	}
	if len(pids) == 0 {
		return groupClock{}, fmt.Errorf("read CPU time: process group %d is gone", group)
	}
	return groupClock{group: group, pids: pids}, nil
}

// read returns the CPU time that the processes have used so far.
func (c groupClock) read() (time.Duration, error) {
	var used time.Duration
	for _, pid := range c.pids {
		one, err := processCPU(pid)
		if err != nil {
			return 0, fmt.Errorf("read CPU time of process %d: %w", pid, err)
		}
		used += one
	}
	return used, nil
}

// check returns an error when a process came or went since the clock was made:
// its share of what was read is unknown.
func (c groupClock) check() error {
	now, err := newGroupClock(c.group)
	if err != nil {
		return err
	}
	if !slices.Equal(now.pids, c.pids) {
		return fmt.Errorf("processes %v became %v during the window", c.pids, now.pids)
	}
	return nil
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
// chosen by the process and may contain parentheses and blanks, so the
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
