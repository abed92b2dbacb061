package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// groupMemory returns the memory in bytes that the processes of group hold for
// themselves: anonymous and shared-memory pages, each divided by the number of
// processes that have it (Pss_Anon and Pss_Shmem of /proc/PID/smaps_rollup).
// Pages of files do not count, the program's own text among them: the page
// cache decides which of those are in memory. Sockets and their buffers, which the
// kernel holds for the process, do not count either. Group 0 has none.
func groupMemory(group int) (uint64, error) {
	if group == 0 {
		return 0, nil
	}
	pids, err := groupMembers("/proc", group)
	if err != nil {
		return 0, err
	}
	var sum uint64
	for _, pid := range pids {
		text, err := os.ReadFile("/proc/" + itoa(pid) + "/smaps_rollup")
		if err != nil {
			return 0, fmt.Errorf("read memory: %w", err)
		}
		own, err := parseRollup(string(text))
		if err != nil {
			return 0, fmt.Errorf("read memory of process %d: %w", pid, err)
		}
		sum += own
	}
	return sum, nil
}

// parseRollup sums up the Pss_Anon and Pss_Shmem lines of a smaps_rollup
// (proc_pid_smaps(5)), in bytes.
func parseRollup(text string) (uint64, error) {
	var sum uint64
	found := 0
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		if name != "Pss_Anon" && name != "Pss_Shmem" {
			continue
		}
		kib, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 40)
		if err != nil {
			return 0, fmt.Errorf("parse %s: %w", name, err)
		}
		sum += kib << 10
		found++
	}
	if found != 2 {
		return 0, fmt.Errorf("parse smaps_rollup: %d of Pss_Anon and Pss_Shmem, want both (Linux 5.4)", found)
	}
	return sum, nil
}
