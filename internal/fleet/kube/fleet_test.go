package kube

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// ready starts a rig with n ready pods that nothing scales.
func ready(t *testing.T, n int) *rig {
	t.Helper()
	r := newRig(t, func(c *cluster, _ *Settings) {
		c.do(func() {
			c.deployments["app"].replicas = n
			c.reconcileLocked(c.deployments["app"])
		})
	})
	r.awaitReady(n)
	return r
}

// TestStates: a pod gets requests while it serves and does not terminate.
func TestStates(t *testing.T) {
	t.Parallel()
	r := ready(t, 2)
	p := r.pod(0)
	r.set(p, func() { p.ready = false })
	r.await("unhealthy pod", func() bool { n, _ := r.states(registry.Unhealthy); return n == 1 })
	r.set(p, func() { p.ready = true })
	r.awaitReady(2)
	r.set(p, func() { p.gone = true })
	r.await("draining pod", func() bool { n, _ := r.states(registry.Draining); return n == 1 })
	if id := registry.ID(p.uid); r.lookup()[id].State != registry.Draining {
		t.Error("the instance does not have the UID of the pod as its ID")
	}
}

// TestLastResort: when no pod is usable, those that serve and terminate get requests.
func TestLastResort(t *testing.T) {
	t.Parallel()
	r := ready(t, 2)
	first, second := r.pod(0), r.pod(1)
	r.set(first, func() { first.gone = true })
	r.await("draining pod", func() bool { n, _ := r.states(registry.Draining); return n == 1 })
	r.set(second, func() { second.ready = false })
	r.await("last resort", func() bool {
		s := r.reg.Snapshot()
		return s.Count(registry.Ready) == 1 && s.Count(registry.Unhealthy) == 1
	})
	r.set(second, func() { second.ready = true })
	r.await("end of the last resort", func() bool {
		s := r.reg.Snapshot()
		return s.Count(registry.Ready) == 1 && s.Count(registry.Draining) == 1
	})
}

// TestVanish: a pod that is not listed any more leaves at once when it is idle; one that
// has requests leaves when it does not answer. One that comes back is an instance again.
func TestVanish(t *testing.T) {
	t.Parallel()
	r := ready(t, 2)
	lease, err := r.reg.Acquire(t.Context(), registry.Preference{})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	busy, idle := r.pod(0), r.pod(1)
	if busy.uid != string(lease.ID()) {
		busy, idle = idle, busy
	}
	vanish := func(p *fakePod) {
		r.cluster.do(func() {
			r.cluster.announceLocked("DELETED", r.app, p)
		})
	}
	vanish(busy)
	r.await("draining pod", func() bool { n, _ := r.states(registry.Draining); return n == 1 })
	select {
	case <-lease.Dead(): // a request that breaks now is sent to another pod
	case <-time.After(limit):
		t.Fatal("the request does not learn that its pod is gone")
	}
	time.Sleep(50 * time.Millisecond) // a few checks
	if n, _ := r.states(registry.Draining); n != 1 {
		t.Fatal("a pod that answers was given up with a request in flight")
	}
	busy.CloseClientConnections()
	busy.Close()
	r.awaitReady(1)
	if r.lookup()[registry.ID(idle.uid)].State != registry.Ready {
		t.Error("the other pod has gone")
	}
	vanish(idle)
	r.set(idle, func() {})
	r.awaitReady(1)
}

// TestDeadPod: a pod that refuses connections gets no requests until it answers a check.
func TestDeadPod(t *testing.T) {
	t.Parallel()
	r := ready(t, 2)
	p := r.pod(0)
	p.Close()
	r.await("unhealthy pod", func() bool { n, _ := r.states(registry.Unhealthy); return n == 1 })
}

// TestOutage: routing goes on while the API server is away, and dynlb's own checks find
// the pods that die. Afterwards the same picture is no change.
func TestOutage(t *testing.T) {
	t.Parallel()
	r := ready(t, 3)
	before := r.Board.Snapshot().NextEvent
	outage := r.outage
	outage(true)
	r.await("stale picture", func() bool { return r.Board.Snapshot().Picture.Error != "" })
	if n, all := r.states(registry.Ready); n != 3 || all != 3 {
		t.Errorf("%d of %d pods are ready during the outage", n, all)
	}
	outage(false)
	r.await("fresh picture", func() bool { return r.Board.Snapshot().Picture.Error == "" })
	if now := r.Board.Snapshot().NextEvent; now != before {
		t.Errorf("%d events because of an outage", now-before)
	}
	if log := r.log.String(); !strings.Contains(log, "API server of Kubernetes is silent") || !strings.Contains(log, "answers again") {
		t.Errorf("log: %s", log)
	}
	outage(true)
	p := r.pod(0)
	p.Close()
	r.await("unhealthy pod", func() bool { n, _ := r.states(registry.Unhealthy); return n == 1 })
}

// TestUnlisted: pods that answer get requests for a while although the Service lists none.
func TestUnlisted(t *testing.T) {
	t.Parallel()
	r := ready(t, 2)
	r.outage(true)
	r.cluster.do(func() { r.cluster.hidden = true })
	r.await("stale picture", func() bool { return r.Board.Snapshot().Picture.Error != "" })
	r.outage(false)
	r.await("last resort", func() bool {
		s := r.reg.Snapshot()
		return s.Count(registry.Ready) == 2 && strings.Contains(s.Instances[0].Reason, "last resort")
	})
	for _, p := range []*fakePod{r.pod(0), r.pod(1)} {
		p.Close()
	}
	r.await("end of the pods", func() bool { _, all := r.states(registry.Ready); return all == 0 })
}

// TestReplace: Kubernetes cannot replace one pod, and the error names it.
func TestReplace(t *testing.T) {
	t.Parallel()
	r := ready(t, 1)
	if err := r.Replace("none", "test"); !errors.Is(err, fleet.ErrNoInstance) {
		t.Errorf("unknown instance: %v", err)
	}
	if err := r.Replace(registry.ID(r.pod(0).uid), "test"); err == nil || !strings.Contains(err.Error(), r.pod(0).name) {
		t.Errorf("instance: %v", err)
	}
}

// TestTrouble: what keeps the fleet from working is reported.
func TestTrouble(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(c *cluster, s *Settings)
		want    string
	}{
		"no Deployment": {func(_ *cluster, s *Settings) { s.Cluster.Deployment = "none" }, "there is no Deployment none in namespace test"},
		"forbidden":     {func(c *cluster, _ *Settings) { c.forbidden = "GET /apis/apps/v1/namespaces/test/deployments/app" }, "Forbidden"},
		"slices":        {func(c *cluster, _ *Settings) { c.forbidden = "/endpointslices" }, "Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, c.prepare)
			r.await("trouble", func() bool { return strings.Contains(r.reg.Trouble(), c.want) })
		})
	}
}

// steered returns the next Steering.
func (r *rig) steered() notice.Steering {
	r.t.Helper()
	select {
	case s := <-r.Steering():
		return s
	case <-time.After(limit):
		r.t.Fatalf("no steering\n%s", r.log)
		panic("not reached")
	}
}
