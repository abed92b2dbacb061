package cgroup

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// root is the folder on which cgroups are mounted by convention
// (file-hierarchy(7)).
const root = "/sys/fs/cgroup"

// OOMWatch counts the OOM kills in a memory cgroup, v1 or v2, since it began. The
// cgroup may have other processes than the child. The zero OOMWatch counts none.
type OOMWatch struct {
	file string // a file of the cgroup with a line "oom_kill N"
	base uint64
}

// WatchOOM begins to count the OOM kills in the memory cgroup of a running
// process. Call it while the process runs: in cgroup v1, an exited process is
// shown in the root cgroup.
func WatchOOM(pid int) OOMWatch {
	membership, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return OOMWatch{}
	}
	for _, file := range oomFiles(root, string(membership)) {
		if w := newOOMWatch(file); w.file != "" {
			return w
		}
	}
	return OOMWatch{}
}

func newOOMWatch(file string) OOMWatch {
	base, ok := readOOMKills(file)
	if !ok {
		return OOMWatch{}
	}
	return OOMWatch{file: file, base: base}
}

// Kills returns how many OOM kills the kernel has counted since WatchOOM; 0 if
// the count cannot be read.
func (w OOMWatch) Kills() uint64 {
	now, ok := readOOMKills(w.file)
	if !ok || now <= w.base {
		return 0
	}
	return now - w.base
}

// readOOMKills reads the field oom_kill of memory.events (cgroup v2) or
// memory.oom_control (v1): Linux, Documentation/admin-guide/cgroup-v2.rst.
func readOOMKills(file string) (uint64, bool) {
	if file == "" {
		return 0, false
	}
	f, err := os.Open(file)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if count, ok := strings.CutPrefix(lines.Text(), "oom_kill "); ok {
			n, err := strconv.ParseUint(count, 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// oomFiles lists the files that may count the OOM kills for a process with this
// /proc/PID/cgroup, whose lines read "id:controllers:path" (cgroups(7)).
func oomFiles(root, membership string) []string {
	var files []string
	for line := range strings.Lines(membership) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, path, ok := strings.Cut(rest, ":")
		switch {
		case !ok:
		case controllers == "":
			// The cgroup itself may lack the memory controller. The file of a
			// cgroup counts for all below it.
			for ; path != "/" && path != "."; path = filepath.Dir(path) {
				files = append(files, filepath.Join(root, path, "memory.events"))
			}
		case slices.Contains(strings.Split(controllers, ","), "memory"):
			files = append(files, filepath.Join(root, "memory", path, "memory.oom_control"))
		}
	}
	return files
}
