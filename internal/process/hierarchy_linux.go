package process

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

// hierarchy is where children get cgroups of their own.
type hierarchy struct {
	dir     string // the cgroup that dynlb itself is in, as a folder
	signals bool   // there is no cgroup.kill
	problem string // why children cannot get cgroups; empty if they can
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

// Containment says in a short text what makes sure that nothing of a child with
// a Mark is left when it ends: "cgroup v2 (cgroup.kill)", "cgroup v2 (signals)"
// before Linux 5.14, or "process group and environment mark" and why there are no
// cgroups. The first call finds it out, which takes about a millisecond. A child
// whose own cgroup cannot be made, or entered, has group and mark all the same.
func Containment() string { return ownHierarchy().String() }

// String is Containment.
func (h hierarchy) String() string {
	switch {
	case h.problem != "":
		return "process group and environment mark: " + h.problem
	case h.signals:
		return "cgroup v2 (signals)"
	default:
		return "cgroup v2 (cgroup.kill)"
	}
}

// findHierarchy finds out where dynlb's own cgroup is.
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
	const outside = "/.." // of this cgroup namespace: cgroup_namespaces(7)
	for line := range strings.Lines(mounts) {
		mount, filesystem, _ := strings.Cut(line, " - ")
		fields := strings.Fields(mount)
		if !strings.HasPrefix(filesystem, "cgroup2 ") || len(fields) < 5 {
			continue
		}
		root, point := unescapeMount(fields[3]), unescapeMount(fields[4])
		below, err := filepath.Rel(root, path)
		if err != nil || !filepath.IsLocal(below) || strings.HasPrefix(root, outside) || strings.HasPrefix(path, outside) {
			continue // what is mounted is another part of the tree
		}
		return filepath.Join(point, below), nil
	}
	return "", errors.New("cgroup2 is not mounted")
}

// unescapeMount undoes the octal escapes of mountinfo.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// probe tries what starting a child in a cgroup takes, without a child.
func (h *hierarchy) probe() error {
	// Entering a cgroup takes the right to write to this file of the nearest
	// cgroup above both the old and the new one, which is dynlb's.
	procs, err := os.OpenFile(filepath.Join(h.dir, "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		return explainCgroup(err)
	}
	_ = procs.Close() // nothing was written
	// Without arguments clone3(2) is invalid, unless it is not there at all or
	// a seccomp filter pretends so.
	if _, _, errno := syscall.RawSyscall(unix.SYS_CLONE3, 0, 0, 0); errno != syscall.EINVAL {
		return fmt.Errorf("clone3: %w", errno)
	}
	c, err := h.add()
	if err != nil {
		return explainCgroup(err)
	}
	if _, err := os.Stat(filepath.Join(c.dir, "cgroup.kill")); err != nil {
		h.signals = true
	}
	return c.remove()
}

// explainCgroup says why no cgroup can be made.
func explainCgroup(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return errors.New("cgroup2 is not writable")
	}
	return fmt.Errorf("cgroup2: %w", bare(err))
}
