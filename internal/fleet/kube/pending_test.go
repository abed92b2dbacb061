package kube

import (
	"strings"
	"testing"
)

// TestPending: what keeps pods from being scheduled is a brake.
func TestPending(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *cluster, _ *Settings) {
		c.deployments["app"].unready = true
		c.pending = `{"items":[{"status":{"conditions":[{"type":"PodScheduled","status":"False","message":"0/3 nodes are available: insufficient cpu"}]}}]}`
	})
	r.Scale(2, "test")
	r.await("brake", func() bool { return strings.Contains(r.Board.Snapshot().Brake, "insufficient cpu") })
	r.Scale(5, "test")
	r.await("reason", func() bool { return strings.Contains(r.log.String(), "find no room") })
	if n := r.replicas(); n != 2 {
		t.Errorf("%d replicas", n)
	}
}

// TestPendingAskedAgain: after a list of pods that failed, they are listed again.
func TestPendingAskedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *cluster, _ *Settings) {
		c.deployments["app"].unready = true
		c.pending = "no list"
	})
	r.Scale(2, "test")
	r.await("failed list", func() bool { return strings.Contains(r.log.String(), "list pods") })
	r.cluster.do(func() {
		r.cluster.pending = `{"items":[{"status":{"conditions":[{"type":"PodScheduled","status":"False","message":"insufficient cpu"}]}}]}`
	})
	r.await("brake", func() bool { return strings.Contains(r.Board.Snapshot().Brake, "insufficient cpu") })
}
