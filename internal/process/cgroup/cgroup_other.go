//go:build !linux

package cgroup

import (
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// Group does not exist here: every *Group is nil.
type Group struct{}

// New returns nil: this system has no cgroups.
func New() *Group { return nil }

// At returns nil.
func At(string) *Group { return nil }

// Dir returns "".
func (*Group) Dir() string { return "" }

// Start returns an error: this system has no cgroups.
func (*Group) Start(*exec.Cmd, func(*exec.Cmd) error) error {
	return fmt.Errorf("enter cgroup: %w", errors.ErrUnsupported)
}

// Kill does nothing.
func (*Group) Kill() {}

// End does nothing.
func (*Group) End(time.Duration) error { return nil }

// PIDs returns nil.
func (*Group) PIDs() []int { return nil }

// Reap does nothing.
func (*Group) Reap() {}

// CPU returns false.
func (*Group) CPU() (time.Duration, bool) { return 0, false }

// EndRuns finds nothing: this system has no cgroups.
func EndRuns(func(string) bool, time.Duration) (found int, err error) { return 0, nil }

// Containment says in a short text what makes sure that no process of a child is
// left when it ends: its process group, here.
func Containment() string { return "process group: this system has no cgroups" }

// OOMWatch counts nothing here: the system does not tell of such kills.
type OOMWatch struct{}

// WatchOOM returns a watch that counts nothing.
func WatchOOM(int) OOMWatch { return OOMWatch{} }

// Kills returns 0.
func (OOMWatch) Kills() uint64 { return 0 }
