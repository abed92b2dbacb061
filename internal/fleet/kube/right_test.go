package kube

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// useAll has a fleet of one pod do everything that it needs a right for. It does not wait for
// what does not happen: results has the errors of the commands.
func useAll(t *testing.T, role *role) (r *rig, results chan error) {
	t.Helper()
	r = newRig(t, func(c *cluster, s *Settings) {
		c.role = role
		s.pace.lease, s.pace.renew = time.Second, 500*time.Millisecond
		c.do(func() {
			c.deployments["app"].replicas, c.deployments["app"].image = 2, "web:v1"
			c.reconcileLocked(c.deployments["app"])
		})
	})
	results = make(chan error, 3)
	results <- r.Restart(context.Background(), 1, "test", func(int, int) {})
	results <- r.Roll(context.Background(), "web:v2", "test", func(int, int) {})
	return r, results
}

// TestRole: the Role that users apply is enough for everything, and has no right that is not
// used.
func TestRole(t *testing.T) {
	t.Parallel()
	role := readRole(t)
	r, results := useAll(t, role)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	r.awaitReady(2)
	r.Scale(1, "test")
	r.awaitReady(1)
	r.cluster.do(func() { r.app.unready = true })
	r.Scale(2, "test")
	r.await("all rights in use", func() bool {
		used, lack := role.seen()
		return len(lack) > 0 || slices.Equal(used, slices.Compact(role.rights()))
	})
	if _, lack := role.seen(); len(lack) > 0 {
		t.Errorf("dynlb has no right to %v", lack)
	}
}

// TestMissingRight: without a right, one line says what is forbidden and what does not work
// therefore, and what does not need it goes on.
func TestMissingRight(t *testing.T) {
	t.Parallel()
	all := readRole(t)
	for _, right := range all.rights() {
		t.Run(right, func(t *testing.T) {
			t.Parallel()
			role := all.without(right)
			r, results := useAll(t, role)
			var failed []string
			for range 2 {
				if err := <-results; err != nil {
					failed = append(failed, err.Error())
				}
			}
			r.await("known pods", func() bool { _, all := r.states(0); return all > 0 })
			r.Scale(1, "test")
			r.await("scaling, or a report", func() bool { return r.replicas() == 1 || r.tells(right, failed) })
			r.cluster.do(func() { r.app.unready = true })
			r.Scale(3, "test")
			r.await("report of the right to "+right, func() bool { return r.tells(right, failed) })
			if _, lack := role.seen(); !slices.Equal(lack, []string{right}) {
				t.Errorf("forbidden requests: %v", lack)
			}
		})
	}
}

// tells reports whether a line of the log, the status or an error explains a missing right.
func (r *rig) tells(right string, failed []string) bool {
	now := r.Board.Snapshot()
	lines := append(strings.Split(r.log.String(), "\n"), failed...)
	lines = append(lines, r.reg.Trouble(), now.Picture.Error)
	return slices.ContainsFunc(lines, func(line string) bool {
		return strings.Contains(line, "no right to "+right+", so ") && strings.Contains(line, "forbidden")
	})
}
