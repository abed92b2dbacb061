package systemd

import (
	"os"
	"strings"
)

// OwnUnit returns the service that this process belongs to, such as "dynlb.service", and
// whether a user's systemd has it; "" if it belongs to none.
func OwnUnit() (unit string, user bool) {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", false // not Linux, or no cgroups
	}
	return unitOf(string(groups))
}

// unitOf returns the service of a process with these cgroups, in the format of cgroups(7).
// A service may have cgroups of its own below that of its unit.
func unitOf(groups string) (unit string, user bool) {
	for line := range strings.Lines(groups) {
		_, path, ok := strings.Cut(strings.TrimSpace(line), ":/")
		if !ok {
			continue
		}
		found, manager := "", false
		for part := range strings.SplitSeq(path, "/") {
			switch {
			case strings.HasPrefix(part, "user@"):
				manager = true
			case strings.HasSuffix(part, ".service"):
				found = part
			}
		}
		if found != "" {
			return found, manager
		}
	}
	return "", false
}
