package machine

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

// group is a cgroup that dynlb is in, directly or by a parent.
type group struct {
	path string // of its folder
	two  bool   // of version 2
}

// findGroups returns all groups that dynlb is in: its own, and those above it up to
// where the hierarchy is mounted, of both versions.
func findGroups(files fs.FS) []group {
	var out []group
	for line := range lines(files, "proc/self/cgroup") { // number:controllers:path
		parts := strings.SplitN(line, ":", 3)
		if len(parts) < 3 {
			continue
		}
		mount, root := mountOf(files, parts[1])
		if mount == "" {
			continue
		}
		below, ok := strings.CutPrefix(parts[2], strings.TrimSuffix(root, "/"))
		if !ok || strings.Contains(below, "..") { // outside of what is mounted here
			below = "/"
		}
		for dir := path.Join(mount, below); ; dir = path.Dir(dir) {
			out = append(out, group{path: dir, two: parts[1] == ""})
			if dir == mount || dir == "/" {
				break
			}
		}
	}
	return out
}

// mountOf returns where the hierarchy of the controllers is mounted, and which of its
// groups that is. Only memory and processor time are of interest. See
// proc_pid_mountinfo(5).
func mountOf(files fs.FS, controllers string) (mount, root string) {
	if controllers != "" && !has(controllers, "memory") && !has(controllers, "cpu") && !has(controllers, "cpuacct") {
		return "", ""
	}
	for line := range lines(files, "proc/self/mountinfo") {
		before, after, ok := strings.Cut(line, " - ")
		where, what := strings.Fields(before), strings.Fields(after)
		if !ok || len(where) < 5 || len(what) < 3 {
			continue
		}
		if controllers == "" && what[0] == "cgroup2" || controllers != "" && what[0] == "cgroup" && sameControllers(what[2], controllers) {
			return where[4], where[3]
		}
	}
	return "", ""
}

// sameControllers reports whether the options of a mount name all the controllers.
func sameControllers(options, controllers string) bool {
	for name := range strings.SplitSeq(controllers, ",") {
		if !has(options, name) {
			return false
		}
	}
	return true
}

// has reports whether a list with commas has the name.
func has(list, name string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if item == name {
			return true
		}
	}
	return false
}

// memory returns what the group may still use. Files that were read and not lately used
// again make room first, so they count as free.
func (g group) memory(files fs.FS) (uint64, bool) {
	limit, used, inactive := "memory.max", "memory.current", "inactive_file"
	if !g.two {
		limit, used, inactive = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
	}
	maximum, ok := g.number(files, limit) // "max" is no number
	now, okNow := g.number(files, used)
	if !ok || !okNow || maximum >= noLimit {
		return 0, false
	}
	reclaimable, _ := value(files, g.file("memory.stat"), inactive)
	now -= min(now, reclaimable)
	return maximum - min(maximum, now), true
}

// noLimit is not above what version 1 shows for no limit, the largest multiple of the page
// size, and more than a machine has.
const noLimit = 1 << 60

// processors returns the quota of the group, and what it has used.
func (g group) processors(files fs.FS) (Processors, bool) {
	out := Processors{Of: g.path}
	if g.two {
		for line := range lines(files, g.file("cpu.max")) { // "max 100000" or "150000 100000"
			quota, period, _ := strings.Cut(line, " ")
			out.Count = ratio(quota, period)
		}
		used, ok := value(files, g.file("cpu.stat"), "usage_usec")
		out.Busy = time.Duration(used) * time.Microsecond
		return out, ok && out.Count > 0
	}
	quota, _ := fs.ReadFile(files, g.file("cpu.cfs_quota_us")) // -1 for none
	period, _ := fs.ReadFile(files, g.file("cpu.cfs_period_us"))
	out.Count = ratio(strings.TrimSpace(string(quota)), strings.TrimSpace(string(period)))
	used, ok := g.number(files, "cpuacct.usage")
	out.Busy = time.Duration(used)
	return out, ok && out.Count > 0
}

// ratio returns a/b, 0 when one is not a positive number.
func ratio(a, b string) float64 {
	x, err := strconv.ParseUint(a, 10, 63)
	y, errY := strconv.ParseUint(b, 10, 63)
	if err != nil || errY != nil || y == 0 {
		return 0
	}
	return float64(x) / float64(y)
}

// number returns the number in a file of the group.
func (g group) number(files fs.FS, name string) (uint64, bool) {
	data, err := fs.ReadFile(files, g.file(name))
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	return n, err == nil
}

// file returns a file of the group as fs.FS names it.
func (g group) file(name string) string { return strings.TrimPrefix(path.Join(g.path, name), "/") }
