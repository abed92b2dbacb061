package procfs

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Stat is what /proc/PID/stat says about a process.
type Stat struct {
	PID, PPID int
	// Group is the process group.
	Group int
	// State is the letter of proc_pid_stat(5): R running, S sleeping, Z zombie.
	State byte
}

// Exited reports whether the process has exited and waits to be reaped.
func (s Stat) Exited() bool { return s.State == 'Z' || s.State == 'X' }

// PIDs lists the pids of all processes, also of those that have exited and wait to be
// reaped. One that starts or ends during the call may be missing.
func PIDs() ([]int, error) {
	names, err := readDirNames("/proc")
	if err != nil {
		return nil, err
	}
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Processes lists all processes. One that ends during the call may be missing.
func Processes() ([]Stat, error) {
	pids, err := PIDs()
	if err != nil {
		return nil, err
	}
	procs := make([]Stat, 0, len(pids))
	for _, pid := range pids {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			continue // it has ended, or is hidden (hidepid)
		}
		p, err := parseStat(string(text))
		if err != nil {
			return nil, err
		}
		procs = append(procs, p)
	}
	return procs, nil
}

// firstField is the number that proc_pid_stat(5) gives the first of statFields.
const firstField = 3

// statFields splits "pid (name) state ppid pgrp ..." from the state on. The name
// may contain spaces and parentheses, so it ends at the last parenthesis.
func statFields(stat string) []string {
	return strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
}

// parseStat parses a line of /proc/PID/stat (proc_pid_stat(5)).
func parseStat(stat string) (Stat, error) {
	head, _, ok := strings.Cut(stat, " (")
	if !ok || !strings.Contains(stat, ") ") {
		return Stat{}, fmt.Errorf("parse process status %q: no name", stat)
	}
	fields := statFields(stat)
	if len(fields) < 3 {
		return Stat{}, fmt.Errorf("parse process status %q: too few fields", stat)
	}
	pid, err1 := strconv.Atoi(head)
	ppid, err2 := strconv.Atoi(fields[1])
	group, err3 := strconv.Atoi(fields[2])
	if err := errors.Join(err1, err2, err3); err != nil {
		return Stat{}, fmt.Errorf("parse process status %q: %w", stat, err)
	}
	return Stat{PID: pid, PPID: ppid, Group: group, State: fields[0][0]}, nil
}

// readDirNames lists a folder, unsorted.
func readDirNames(path string) ([]string, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}
