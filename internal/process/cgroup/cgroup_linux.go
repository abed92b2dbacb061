package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/process/procfs"
)

// Intervals of the poll that waits for a killed group to be empty: it backs off
// from the time that a few processes take to exit.
const (
	minPoll = 2 * time.Millisecond
	maxPoll = 50 * time.Millisecond
)

// Group is the control group of one child. A nil *Group is that of a child
// without one: it has no processes, and its methods do nothing.
type Group struct {
	dir string
	// noKill says that the kernel has no cgroup.kill (before Linux 5.14):
	// processes are killed one by one.
	noKill bool
}

// At returns the group with a folder that another process of dynlb has made; nil for "".
func At(dir string) *Group {
	if dir == "" {
		return nil
	}
	return &Group{dir: dir}
}

// Dir returns the folder of the group; "" for a nil Group.
func (g *Group) Dir() string {
	if g == nil {
		return ""
	}
	return g.dir
}

// Start starts a command that is born in the group. start calls cmd.Start, on
// a thread of the caller's choice.
func (g *Group) Start(cmd *exec.Cmd, start func(*exec.Cmd) error) error {
	dir, err := os.Open(g.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	cmd.SysProcAttr.UseCgroupFD = true
	cmd.SysProcAttr.CgroupFD = int(dir.Fd())
	return start(cmd)
}

// Kill sends SIGKILL to all processes in the group and in the groups below it.
func (g *Group) Kill() {
	if g == nil {
		return
	}
	if !g.noKill {
		if err := os.WriteFile(filepath.Join(g.dir, "cgroup.kill"), []byte("1"), 0); err == nil {
			return
		}
	}
	for _, pid := range g.PIDs() {
		procfs.KillIf(pid, func() bool { return slices.Contains(g.PIDs(), pid) })
	}
}

// End kills the processes in the group and removes it, which the kernel permits
// once all of them are gone. It gives up after limit.
func (g *Group) End(limit time.Duration) error {
	if g == nil {
		return nil
	}
	deadline := time.Now().Add(limit)
	for pause := minPoll; ; pause = min(2*pause, maxPoll) {
		err := g.remove()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("end cgroup: %w", err)
		}
		g.Kill()
		time.Sleep(pause)
	}
}

// remove removes the group and those that its processes have made below it. It
// returns nil when the group does not exist.
func (g *Group) remove() error {
	err := syscall.Rmdir(g.dir) // os.Remove would try to unlink first
	if errors.Is(err, syscall.EBUSY) {
		for _, dir := range slices.Backward(g.tree()) {
			err = syscall.Rmdir(dir)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "remove", Path: g.dir, Err: err}
	}
	return nil
}

// tree lists the folder of the group and those below it, parents first.
func (g *Group) tree() []string {
	var dirs []string
	_ = filepath.WalkDir(g.dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return nil // leave out what is removed during the walk
	})
	return dirs
}

// PIDs lists the processes in the group and in the groups below it. Processes of
// a PID namespace outside that of dynlb have no pid here, and are missing.
func (g *Group) PIDs() []int {
	if g == nil {
		return nil
	}
	var pids []int
	for _, dir := range g.tree() {
		list, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			continue // the group has been removed
		}
		for field := range strings.FieldsSeq(string(list)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// Reap collects the exit status of processes of the group that became children of
// dynlb when their parents died. That happens where dynlb is process 1 of a
// container, or a subreaper. The child of the group itself must have been reaped.
func (g *Group) Reap() {
	if g == nil {
		return
	}
	children, _ := procfs.Children(os.Getpid()) // on an error they stay zombies
	for _, pid := range children {
		membership, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
		if err == nil && g.contains(string(membership)) {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
	}
}

// contains reports whether a process with this /proc/PID/cgroup belongs to the
// group, or to one below it. A process that has exited belongs to it until it is
// reaped, even after the group was removed: "0::/path/name (deleted)".
func (g *Group) contains(membership string) bool {
	for line := range strings.Lines(membership) {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			path, _, _ = strings.Cut(strings.TrimSuffix(path, "\n"), " (deleted)")
			return slices.Contains(strings.Split(path, "/"), filepath.Base(g.dir))
		}
	}
	return false
}

// CPU returns the processor time of all processes that have been in the group, and
// false where the kernel does not count it.
func (g *Group) CPU() (time.Duration, bool) {
	if g == nil {
		return 0, false
	}
	stat, err := os.ReadFile(filepath.Join(g.dir, "cpu.stat"))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(stat)) {
		if text, ok := strings.CutPrefix(line, "usage_usec "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
			return time.Duration(n) * time.Microsecond, err == nil
		}
	}
	return 0, false
}
