package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// killPause is the time between two looks for processes that bear a mark: those
// that were killed need a moment to go, and may have forked before they did.
const killPause = 2 * time.Millisecond

// KillMarked kills every process that bears the mark, or a mark of its run when
// it is one of ThisRun, and waits until none is left, for limit at most. It
// returns how many it killed, and an error when some are left or cannot be
// looked at. It spares the calling process.
func KillMarked(m Mark, limit time.Duration) (killed int, err error) {
	return killWhere(m.covers, limit)
}

// KillOrphans kills every process that bears the mark of a run that is over, or is
// in a cgroup of one, and removes those cgroups: what an earlier dynlb left behind
// when it was killed. Those in another PID namespace are not looked at, because
// their runs cannot be told from ours. It returns how many it killed.
func KillOrphans(limit time.Duration) (killed int, err error) {
	space, err := pidNamespace()
	if err != nil {
		return 0, fmt.Errorf("find orphans: %w", err)
	}
	found, cgroupErr := endCgroups(runOver, limit)
	killed, err = killWhere(func(m Mark) bool { return runOver(m.run()) }, limit, space)
	return found + killed, errors.Join(cgroupErr, err)
}

// runOver reports whether the process that a run is named for is gone.
func runOver(run string) bool {
	text, _, _ := strings.Cut(run, ".")
	pid, err := strconv.Atoi(text)
	return err == nil && runOf(pid) != run
}

// pidNamespace identifies the PID namespace of this process, as namespaceOf does.
func pidNamespace() (string, error) { return namespaceOf("self") }

// namespaceOf returns the inode of the PID namespace that a process, a folder of
// /proc, is in.
func namespaceOf(process string) (string, error) {
	link, err := os.Readlink("/proc/" + process + "/ns/pid") // "pid:[4026531836]"
	if err != nil {
		return "", err
	}
	return strings.Trim(strings.TrimPrefix(link, "pid:"), "[]"), nil
}

// killWhere kills the processes whose mark fits, in one of the PID namespaces
// when any are given.
func killWhere(fits func(Mark) bool, limit time.Duration, spaces ...string) (killed int, err error) {
	deadline := time.Now().Add(limit)
	seen := make(map[int]bool)
	for {
		procs, err := processes()
		if err != nil {
			return len(seen), fmt.Errorf("find marked processes: %w", err)
		}
		left := 0
		for _, p := range procs {
			if p.dead() || p.pid == os.Getpid() || !marked(p.pid, fits, spaces) {
				continue
			}
			left++
			if killIf(p.pid, func() bool { return marked(p.pid, fits, spaces) }) {
				seen[p.pid] = true
			}
		}
		switch {
		case left == 0:
			return len(seen), nil
		case time.Now().After(deadline):
			return len(seen), fmt.Errorf("kill marked processes: %d are left", left)
		}
		time.Sleep(killPause)
	}
}

// marked reports whether the process bears a mark that fits.
func marked(pid int, fits func(Mark) bool, spaces []string) bool {
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false // gone, or somebody else's
	}
	m, ok := markOf(string(environ))
	if !ok || !fits(m) {
		return false
	}
	for _, space := range spaces {
		if own, err := namespaceOf(strconv.Itoa(pid)); err != nil || own != space {
			return false
		}
	}
	return true
}

// killIf kills the process that has pid, if it is still meant once its id cannot
// change hands any more: os.FindProcess holds it by a pidfd, where the kernel
// has them (Linux 5.4).
func killIf(pid int, meant func() bool) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }() // of the pidfd; it cannot fail
	if !meant() {
		return false
	}
	err = p.Kill()
	return err == nil || errors.Is(err, os.ErrProcessDone)
}

// startTime returns when a process started, in clock ticks since boot, or "".
func startTime(pid int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	const field = 22 // starttime in proc_pid_stat(5)
	fields := statFields(string(stat))
	if len(fields) <= field-firstField {
		return ""
	}
	return fields[field-firstField]
}
