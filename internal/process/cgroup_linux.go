package process

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
)

// cgroup is a cgroup v2 of one child's own (Linux, Documentation/admin-guide/cgroup-v2.rst).
// The child is born in it and so are all its descendants, whatever they do to
// their group, session or environment. A nil *cgroup is that of a child without
// one: it has no processes and does nothing.
type cgroup struct {
	dir string
	// signals has it killed process by process, as before Linux 5.14.
	signals bool
}

// startInCgroup makes a cgroup and starts a command in it. It returns nil and nil
// when either is not possible: the command may then be to blame, or not.
func startInCgroup(command func() *exec.Cmd) (*cgroup, *exec.Cmd) {
	c := newCgroup()
	if c == nil {
		return nil, nil
	}
	cmd := command()
	if err := c.start(cmd); err != nil {
		_ = c.end(waitDelay) // what cannot be removed now is left to KillOrphans
		return nil, nil
	}
	return c, cmd
}

// start starts a command that is born in the cgroup.
func (c *cgroup) start(cmd *exec.Cmd) error {
	dir, err := os.Open(c.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	cmd.SysProcAttr.UseCgroupFD = true
	cmd.SysProcAttr.CgroupFD = int(dir.Fd())
	return spawn(cmd.Start)
}

// kill sends SIGKILL to all processes in the cgroup and below, if there are any.
func (c *cgroup) kill() {
	if c == nil {
		return
	}
	if !c.signals {
		if err := os.WriteFile(filepath.Join(c.dir, "cgroup.kill"), []byte("1"), 0); err == nil {
			return
		}
	}
	for _, pid := range c.pids() {
		killIf(pid, func() bool { return slices.Contains(c.pids(), pid) })
	}
}

// end kills the processes in the cgroup and removes it, which only works once
// all of them are gone. It gives up after limit.
func (c *cgroup) end(limit time.Duration) error {
	if c == nil {
		return nil
	}
	deadline := time.Now().Add(limit)
	for pause := killPause; ; pause = min(2*pause, 50*time.Millisecond) {
		err := c.remove()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("end cgroup: %w", err)
		}
		c.kill()
		time.Sleep(pause)
	}
}

// remove removes the cgroup and those that its processes have made below it.
// It is no error when it is gone already.
func (c *cgroup) remove() error {
	err := syscall.Rmdir(c.dir) // os.Remove would try to unlink first
	if errors.Is(err, syscall.EBUSY) {
		for _, dir := range slices.Backward(c.tree()) {
			err = syscall.Rmdir(dir)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "remove", Path: c.dir, Err: err}
	}
	return nil
}

// tree lists the cgroup's folder and those below it, parents first.
func (c *cgroup) tree() []string {
	var dirs []string
	_ = filepath.WalkDir(c.dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return nil // what is gone meanwhile is not listed
	})
	return dirs
}

// pids lists the processes in the cgroup and below. Those that this process
// cannot see, because they are of a PID namespace outside its own, are missing.
func (c *cgroup) pids() []int {
	if c == nil {
		return nil
	}
	var pids []int
	for _, dir := range c.tree() {
		list, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			continue // gone
		}
		for field := range strings.FieldsSeq(string(list)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// reap collects the exit status of those that were in the cgroup and became
// children of dynlb when their parents died, as reapOrphans does for a group. The
// child itself must have been reaped.
func (c *cgroup) reap() {
	if c == nil {
		return
	}
	children, _ := childrenOf(os.Getpid()) // without it they stay
	for _, pid := range children {
		membership, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
		if err == nil && c.isIn(string(membership)) {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
	}
}

// isIn reports whether a process with this /proc/pid/cgroup belongs to the cgroup
// or one below. Also an exited one does, until it is reaped, though the cgroup is
// gone: "0::/path/name (deleted)".
func (c *cgroup) isIn(membership string) bool {
	for line := range strings.Lines(membership) {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			path, _, _ = strings.Cut(strings.TrimSuffix(path, "\n"), " (deleted)")
			return slices.Contains(strings.Split(path, "/"), filepath.Base(c.dir))
		}
	}
	return false
}

// cpu returns the processor time of all processes that ever were in the cgroup,
// and false where the kernel does not keep count.
func (c *cgroup) cpu() (time.Duration, bool) {
	if c == nil {
		return 0, false
	}
	stat, err := os.ReadFile(filepath.Join(c.dir, "cpu.stat"))
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
