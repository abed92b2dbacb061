package process

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// cgroupRoot is where cgroups are mounted by convention (file-hierarchy(7)).
const cgroupRoot = "/sys/fs/cgroup"

// oomWatch compares a cgroup's count of OOM kills with what it was when the
// child started. The zero oomWatch knows nothing.
type oomWatch struct {
	file string // a cgroup file with a line "oom_kill N"
	base uint64
}

func newOOMWatch(file string) oomWatch {
	base, ok := oomKills(file)
	if !ok {
		return oomWatch{}
	}
	return oomWatch{file: file, base: base}
}

// evidence returns what speaks for the OOM killer, as an addition to a reason;
// empty if nothing does. The count is that of the whole cgroup, so it says what
// was counted and leaves the conclusion to the reader.
func (w oomWatch) evidence() string {
	now, ok := oomKills(w.file)
	if !ok || now <= w.base {
		return ""
	}
	return fmt.Sprintf(" (out of memory? OOM kills in its cgroup since it started: %d)", now-w.base)
}

// oomKills reads the field oom_kill of memory.events (cgroup v2) or
// memory.oom_control (v1): Linux, Documentation/admin-guide/cgroup-v2.rst.
func oomKills(file string) (uint64, bool) {
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

// watchOOM notes the OOM kills so far in the memory cgroup of a running process.
// The cgroup is looked up now, because an exited process shows the root one in
// cgroup v1.
func watchOOM(pid int) oomWatch {
	membership, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return oomWatch{}
	}
	for _, file := range oomFiles(cgroupRoot, string(membership)) {
		if w := newOOMWatch(file); w.file != "" {
			return w
		}
	}
	return oomWatch{}
}

// oomFiles lists the files that may count the OOM kills for a process with this
// /proc/pid/cgroup, whose lines read "id:controllers:path" (cgroups(7)).
func oomFiles(root, membership string) []string {
	var files []string
	for line := range strings.Lines(membership) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, path, ok := strings.Cut(rest, ":")
		switch {
		case !ok:
		case controllers == "":
			// The cgroup itself may lack the memory controller; the file of the
			// one above counts for all below it.
			for ; path != "/" && path != "."; path = filepath.Dir(path) {
				files = append(files, filepath.Join(root, path, "memory.events"))
			}
		case slices.Contains(strings.Split(controllers, ","), "memory"):
			files = append(files, filepath.Join(root, "memory", path, "memory.oom_control"))
		}
	}
	return files
}
