package process

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// cgroupPrefix begins the names of the cgroups that dynlb makes:
//
//	dynlb-NAMESPACE-RUN-NUMBER
//
// NAMESPACE is the inode of the PID namespace, without which the pid in RUN says
// nothing; RUN is as in a Mark.
const cgroupPrefix = "dynlb-"

// cgroupNumber makes the names of this run's cgroups differ.
var cgroupNumber atomic.Uint64

// newCgroup makes a cgroup for a child, or returns nil when that is not possible.
func newCgroup() *cgroup {
	h := ownHierarchy()
	if h.problem != "" {
		return nil
	}
	c, err := h.add()
	if err != nil {
		return nil
	}
	return c
}

// add makes a cgroup of this run.
func (h hierarchy) add() (*cgroup, error) {
	space, err := pidNamespace()
	if err != nil {
		return nil, err
	}
	number := strconv.FormatUint(cgroupNumber.Add(1), 10)
	c := &cgroup{
		dir:     filepath.Join(h.dir, cgroupPrefix+space+"-"+thisRun()+"-"+number),
		signals: h.signals,
	}
	return c, syscall.Mkdir(c.dir, 0o755)
}

// endCgroups kills what is in the cgroups of the runs that fit, of this PID
// namespace, and removes them. It returns how many processes it found there.
func endCgroups(fits func(run string) bool, limit time.Duration) (found int, err error) {
	h := ownHierarchy()
	if h.problem != "" {
		return 0, nil
	}
	space, err := pidNamespace()
	if err != nil {
		return 0, fmt.Errorf("find cgroups: %w", err)
	}
	names, err := readDirNames(h.dir)
	if err != nil {
		return 0, fmt.Errorf("find cgroups: %w", err)
	}
	var dead []*cgroup
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, cgroupPrefix+space+"-")
		if run, _, named := strings.Cut(rest, "-"); ok && named && fits(run) {
			c := &cgroup{dir: filepath.Join(h.dir, name), signals: h.signals}
			found += len(c.pids())
			c.kill() // all of them at once, before the wait for any
			dead = append(dead, c)
		}
	}
	deadline := time.Now().Add(limit)
	for _, c := range dead {
		err = errors.Join(err, c.end(time.Until(deadline)))
	}
	return found, err
}
