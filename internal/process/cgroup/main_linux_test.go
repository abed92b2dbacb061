package cgroup

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/process/processtest"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

// TestMain also fails when the tests leave a group behind.
func TestMain(m *testing.M) {
	if status, played := processtest.Play(nil); played {
		os.Exit(status)
	}
	status := m.Run()
	if left := ownGroups(); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "cgroups left behind:", left)
		status = 1
	}
	os.Exit(status)
}

// ownGroups lists the names of the groups that this process has made.
func ownGroups() []string {
	var own []string
	entries, _ := os.ReadDir(ownHierarchy().dir)
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, prefix) && strings.Contains(name, "-"+procfs.Identity(os.Getpid())+"-") {
			own = append(own, name)
		}
	}
	return own
}

// need skips a test where there are no cgroups.
func need(t *testing.T) hierarchy {
	t.Helper()
	h := ownHierarchy()
	if h.problem != "" {
		t.Skip(Containment())
	}
	return h
}
