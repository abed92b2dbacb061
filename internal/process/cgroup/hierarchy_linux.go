package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// hierarchy is the place where groups for children are made.
type hierarchy struct {
	dir     string // the folder of the group that dynlb itself is in
	noKill  bool   // the kernel has no cgroup.kill
	problem string // why no groups can be made; empty if they can
}

// ownHierarchy finds the hierarchy once: a process is rarely moved after its start.
var ownHierarchy = sync.OnceValue(func() hierarchy {
	h, err := findHierarchy()
	if err == nil {
		err = h.probe()
	}
	if err != nil {
		h.problem = err.Error()
	}
	return h
})

// Containment says in a short text what makes sure that no process of a child is
// left when it ends: "cgroup v2 (cgroup.kill)", "cgroup v2 (signals)" before Linux
// 5.14, or "process group and environment mark" and why no cgroups can be made.
// The first call tries to make one, which takes about a millisecond. Even where
// it reports cgroups, the group of a single child may fail: the child then has
// the process group and the mark.
func Containment() string { return ownHierarchy().String() }

// String is Containment.
func (h hierarchy) String() string {
	switch {
	case h.problem != "":
		return "process group and environment mark: " + h.problem
	case h.noKill:
		return "cgroup v2 (signals)"
	default:
		return "cgroup v2 (cgroup.kill)"
	}
}

// findHierarchy finds the group that dynlb is in.
func findHierarchy() (hierarchy, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return hierarchy{}, fmt.Errorf("no cgroup2: %w", err)
	}
	membership, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return hierarchy{}, fmt.Errorf("no cgroup2: %w", err)
	}
	dir, err := cgroupDir(string(mounts), string(membership))
	return hierarchy{dir: dir}, err
}

// cgroupDir combines proc_pid_mountinfo(5), lines of "id parent device root
// mountpoint options ... - type source options", with proc_pid_cgroup(5), where
// the line of cgroup v2 is "0::path".
func cgroupDir(mounts, membership string) (string, error) {
	path, member := "", false
	for line := range strings.Lines(membership) {
		if p, ok := strings.CutPrefix(line, "0::"); ok {
			path, member = strings.TrimSuffix(p, "\n"), true
		}
	}
	if !member {
		return "", errors.New("cgroup2 is not in use")
	}
	const outside = "/.." // begins a path outside this cgroup namespace (cgroup_namespaces(7))
	for line := range strings.Lines(mounts) {
		mount, filesystem, _ := strings.Cut(line, " - ")
		fields := strings.Fields(mount)
		if !strings.HasPrefix(filesystem, "cgroup2 ") || len(fields) < 5 {
			continue
		}
		root, point := unescapeMount(fields[3]), unescapeMount(fields[4])
		below, err := filepath.Rel(root, path)
		if err != nil || !filepath.IsLocal(below) || strings.HasPrefix(root, outside) || strings.HasPrefix(path, outside) {
			continue // another part of the tree is mounted here
		}
		return filepath.Join(point, below), nil
	}
	return "", errors.New("cgroup2 is not mounted")
}

// unescapeMount undoes the octal escapes of mountinfo.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// probe tries all that starting a child in a group needs, without a child.
func (h *hierarchy) probe() error {
	// To enter a group, a process needs write access to this file of the
	// nearest group above both its old and its new one, which is dynlb's.
	procs, err := os.OpenFile(filepath.Join(h.dir, "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		return explainProblem(err)
	}
	_ = procs.Close() // nothing was written
	// clone3(2) without arguments is invalid. Another error means that the kernel
	// does not have it, or that a seccomp filter denies it.
	if _, _, errno := syscall.RawSyscall(unix.SYS_CLONE3, 0, 0, 0); errno != syscall.EINVAL {
		return fmt.Errorf("clone3: %w", errno)
	}
	g, err := h.add()
	if err != nil {
		return explainProblem(err)
	}
	if _, err := os.Stat(filepath.Join(g.dir, "cgroup.kill")); err != nil {
		h.noKill = true
	}
	return g.remove()
}

// explainProblem says why no group can be made. It leaves out the path.
func explainProblem(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return errors.New("cgroup2 is not writable")
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return fmt.Errorf("cgroup2: %w", err)
}
