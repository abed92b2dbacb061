package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// instanceOf reports whether a process is an instance of the dynlb with that pid,
// or was started by one: dynlb marks their environment with its pid and start.
func instanceOf(daemon, pid int) bool {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return false // gone
	}
	mark := fmt.Sprintf("DYNLB_INSTANCE=%d.", daemon)
	for variable := range strings.SplitSeq(string(environ), "\x00") {
		if strings.HasPrefix(variable, mark) {
			return true
		}
	}
	return false
}

// instancesOf returns the processes that instanceOf is true of. A process that
// has exited has no environment and is not included.
func instancesOf(daemon int) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is good
	var pids []int
	for _, file := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && instanceOf(daemon, pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// childrenOf returns the child processes of a process: of a dynlb those are its
// instances and its guard.
func childrenOf(parent int) []int {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	var pids []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for word := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// stateOf returns the state of a process as the kernel has it: 'R', 'S', 'T' for
// a stopped one, 'Z' for one that waits to be reaped; 0 when it is gone.
func stateOf(pid int) byte {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name before it stands in parentheses, and may contain some.
	_, rest, ok := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
	if !ok || rest == "" {
		return 0
	}
	return rest[0]
}

// gone reports whether a process has ended, reaped or not.
func gone(pid int) bool {
	state := stateOf(pid)
	return state == 0 || state == 'Z'
}

// zombies returns the pids that wait to be reaped.
func zombies(pids []int) []int {
	var out []int
	for _, pid := range pids {
		if stateOf(pid) == 'Z' {
			out = append(out, pid)
		}
	}
	return out
}
