package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/process/procfs"
)

// prefix begins the names of the groups that dynlb makes:
//
//	dynlb-NAMESPACE-RUN-NUMBER
//
// NAMESPACE is the inode of the PID namespace, which gives the pid in RUN its
// meaning. RUN is the procfs.Identity of the dynlb process that made the group.
const prefix = "dynlb-"

// number distinguishes the groups of this run.
var number atomic.Uint64

// New makes a group for a child. It returns nil when that is not possible.
func New() *Group {
	h := ownHierarchy()
	if h.problem != "" {
		return nil
	}
	g, err := h.add()
	if err != nil {
		return nil
	}
	return g
}

// add makes a group of this run.
func (h hierarchy) add() (*Group, error) {
	namespace, err := procfs.PIDNamespace("self")
	if err != nil {
		return nil, err
	}
	name := prefix + namespace + "-" + procfs.Self() + "-" + strconv.FormatUint(number.Add(1), 10)
	g := &Group{dir: filepath.Join(h.dir, name), noKill: h.noKill}
	return g, syscall.Mkdir(g.dir, 0o755)
}

// EndRuns kills the processes in the groups of those runs for which matches
// reports true, and removes the groups; limit is for all of them together. It
// considers only runs of this PID namespace. It returns how many processes it
// found in the groups.
func EndRuns(matches func(run string) bool, limit time.Duration) (found int, err error) {
	h := ownHierarchy()
	if h.problem != "" {
		return 0, nil
	}
	groups, err := h.groups(matches)
	if err != nil {
		return 0, fmt.Errorf("find cgroups: %w", err)
	}
	for _, g := range groups {
		found += len(g.PIDs())
		g.Kill() // kill in all groups before waiting for any
	}
	deadline := time.Now().Add(limit)
	for _, g := range groups {
		err = errors.Join(err, g.End(time.Until(deadline)))
	}
	return found, err
}

// groups lists the groups of the runs of this PID namespace that match.
func (h hierarchy) groups(matches func(run string) bool) ([]*Group, error) {
	namespace, err := procfs.PIDNamespace("self")
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return nil, err
	}
	var groups []*Group
	for _, entry := range entries {
		rest, ok := strings.CutPrefix(entry.Name(), prefix+namespace+"-")
		if run, _, named := strings.Cut(rest, "-"); ok && named && matches(run) {
			groups = append(groups, &Group{dir: filepath.Join(h.dir, entry.Name()), noKill: h.noKill})
		}
	}
	return groups, nil
}
