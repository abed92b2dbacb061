package procfs

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Tree lists a process and its descendants. A process whose parent has exited is
// not a descendant any more. Where the kernel lists the children of a process,
// Tree reads only the processes of the tree; else it reads all processes and
// also lists those that are in the group of pid.
func Tree(pid int) ([]int, error) {
	pids, err := descendants(pid)
	if !errors.Is(err, fs.ErrNotExist) {
		return pids, err
	}
	procs, err := Processes()
	if err != nil {
		return nil, err
	}
	return family(procs, pid), nil
}

// descendants lists a process and its descendants. The error is that of Children.
func descendants(pid int) ([]int, error) {
	pids := []int{pid}
	for i := 0; i < len(pids); i++ {
		children, err := Children(pids[i])
		if err != nil && i == 0 {
			return nil, err
		}
		pids = append(pids, children...)
	}
	return pids, nil
}

// Children lists the children of a process. The kernel keeps one list for each
// thread (proc_tid_children(5)). The error is fs.ErrNotExist when the process
// does not exist, or the kernel does not keep these lists.
func Children(pid int) ([]int, error) {
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
		for field := range strings.FieldsSeq(string(list)) { // empty when the thread has ended
			if child, err := strconv.Atoi(field); err == nil {
				children = append(children, child)
			}
		}
	}
	return children, nil
}

// Family lists the processes of a group and all their descendants. It reads all
// processes of the machine.
func Family(group int) ([]int, error) {
	procs, err := Processes()
	if err != nil {
		return nil, err
	}
	return family(procs, group), nil
}

// family returns the processes of a group and all their descendants, including
// those that have moved to another group or session.
func family(procs []Stat, group int) []int {
	children := make(map[int][]int)
	var pids []int
	for _, p := range procs {
		children[p.PPID] = append(children[p.PPID], p.PID)
		if p.Group == group {
			pids = append(pids, p.PID)
		}
	}
	seen := make(map[int]bool)
	for _, pid := range pids {
		seen[pid] = true
	}
	for i := 0; i < len(pids); i++ {
		for _, child := range children[pids[i]] {
			if !seen[child] {
				seen[child] = true
				pids = append(pids, child)
			}
		}
	}
	return pids
}
