package cgroup

import "testing"

// SetDir has New make its groups in dir until the test ends.
func SetDir(t *testing.T, dir string) {
	t.Helper()
	before := ownHierarchy
	ownHierarchy = func() hierarchy { return hierarchy{dir: dir} }
	t.Cleanup(func() { ownHierarchy = before })
}
