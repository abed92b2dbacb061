package orphan

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dynlb/dynlb/internal/process/cgroup"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

// pollInterval is the time between two searches for marked processes. A killed
// process takes about that long to exit, and may have forked before it did.
const pollInterval = 2 * time.Millisecond

// KillMarked kills every process that has the mark, or, if m is the mark of a
// run, any mark of that run. It spares the calling process. It returns when none
// is left, and how many it killed. The error says that some are left after limit,
// or that processes cannot be listed.
func KillMarked(m Mark, limit time.Duration) (killed int, err error) {
	return killWhere(m.covers, limit)
}

// KillAll kills every process that has the mark of a run that is over, or is in a
// cgroup of such a run, and removes these cgroups: an earlier dynlb left them when
// it was killed together with its guard. It spares processes of another PID
// namespace, where it cannot tell whether a run is over. It returns how many
// processes it killed.
func KillAll(limit time.Duration) (killed int, err error) {
	namespace, err := procfs.PIDNamespace("self")
	if err != nil {
		return 0, fmt.Errorf("find orphans: %w", err)
	}
	found, cgroupErr := cgroup.EndRuns(isOver, limit)
	killed, err = killWhere(func(m Mark) bool { return isOver(m.run()) }, limit, namespace)
	return found + killed, errors.Join(cgroupErr, err)
}

// isOver reports whether the process that a run is named for is gone.
func isOver(run string) bool {
	text, _, _ := strings.Cut(run, ".")
	pid, err := strconv.Atoi(text)
	return err == nil && procfs.Identity(pid) != run
}

// killWhere kills the processes whose mark matches, in one of the PID namespaces
// when any are given.
func killWhere(matches func(Mark) bool, limit time.Duration, namespaces ...string) (killed int, err error) {
	deadline := time.Now().Add(limit)
	seen := make(map[int]bool)
	for {
		pids, err := procfs.PIDs()
		if err != nil {
			return len(seen), fmt.Errorf("find marked processes: %w", err)
		}
		left, other := 0, make(map[Mark]bool) // marks that do not match now
		for _, pid := range pids {
			m, marked := markOf(pid)
			if !marked || pid == os.Getpid() || other[m] {
				continue
			}
			if !matches(m) {
				other[m] = true
				continue
			}
			if !isMarked(pid, matches, namespaces) {
				continue
			}
			left++
			if procfs.KillIf(pid, func() bool { return isMarked(pid, matches, namespaces) }) {
				seen[pid] = true
			}
		}
		switch {
		case left == 0:
			return len(seen), nil
		case time.Now().After(deadline):
			return len(seen), fmt.Errorf("kill marked processes: %d are left", left)
		}
		time.Sleep(pollInterval)
	}
}

// markOf returns the mark of a process. It has none if it has ended, or if dynlb may not
// read its environment.
func markOf(pid int) (m Mark, ok bool) {
	environ, err := procfs.Environ(pid)
	if err != nil {
		return "", false
	}
	return markIn(environ)
}

// isMarked reports whether a process has a mark that matches.
func isMarked(pid int, matches func(Mark) bool, namespaces []string) bool {
	m, ok := markOf(pid)
	if !ok || !matches(m) {
		return false
	}
	for _, namespace := range namespaces {
		if own, err := procfs.PIDNamespace(strconv.Itoa(pid)); err != nil || own != namespace {
			return false
		}
	}
	return true
}
