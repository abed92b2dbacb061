package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// proc is what /proc/pid/stat says of a process.
type proc struct {
	pid, ppid, pgrp int
	state           byte
}

// dead reports whether the process has exited and only waits to be reaped.
func (p proc) dead() bool { return p.state == 'Z' || p.state == 'X' }

// processes lists all processes. Those that end meanwhile may be missing.
func processes() ([]proc, error) {
	names, err := readDirNames("/proc")
	if err != nil {
		return nil, err
	}
	procs := make([]proc, 0, len(names))
	for _, name := range names {
		if name[0] < '1' || name[0] > '9' {
			continue
		}
		stat, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue // gone, or hidden from us
		}
		p, err := parseStat(string(stat))
		if err != nil {
			return nil, err
		}
		procs = append(procs, p)
	}
	return procs, nil
}

// firstField is the number in proc_pid_stat(5) of the first of statFields.
const firstField = 3

// statFields splits "pid (name) state ppid pgrp ..." from the state on. The name
// may itself contain spaces and parentheses, so it ends at the last one.
func statFields(stat string) []string {
	return strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
}

// parseStat reads a line of /proc/pid/stat (proc_pid_stat(5)).
func parseStat(stat string) (proc, error) {
	head, _, ok := strings.Cut(stat, " (")
	if !ok || !strings.Contains(stat, ") ") {
		return proc{}, fmt.Errorf("process status %q: no name", stat)
	}
	fields := statFields(stat)
	if len(fields) < 3 {
		return proc{}, fmt.Errorf("process status %q: cut short", stat)
	}
	pid, err1 := strconv.Atoi(head)
	ppid, err2 := strconv.Atoi(fields[1])
	pgrp, err3 := strconv.Atoi(fields[2])
	if err := errors.Join(err1, err2, err3); err != nil {
		return proc{}, fmt.Errorf("process status %q: %w", stat, err)
	}
	return proc{pid: pid, ppid: ppid, pgrp: pgrp, state: fields[0][0]}, nil
}

// childrenOf lists the children of a process, from the lists of each of its
// threads (proc_tid_children(5)). The error is fs.ErrNotExist when there are no
// such lists, or no such process.
func childrenOf(pid int) ([]int, error) {
	tasks := "/proc/" + strconv.Itoa(pid) + "/task"
	threads, err := readDirNames(tasks)
	if err != nil {
		return nil, err
	}
	var children []int
	for _, thread := range threads {
		list, err := os.ReadFile(tasks + "/" + thread + "/children")
		if thread == strconv.Itoa(pid) && errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for field := range strings.FieldsSeq(string(list)) { // none when the thread is gone
			if child, err := strconv.Atoi(field); err == nil {
				children = append(children, child)
			}
		}
	}
	return children, nil
}

// addSockets adds the inodes of all sockets that a process has open. A process
// that is gone has none.
func addSockets(inodes map[uint64]bool, pid int) error {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	names, err := readDirNames(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		target, err := os.Readlink(filepath.Join(dir, name))
		if err != nil {
			continue // closed meanwhile
		}
		text, ok := strings.CutPrefix(target, "socket:[")
		if !ok {
			continue
		}
		if inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64); err == nil {
			inodes[inode] = true
		}
	}
	return nil
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
