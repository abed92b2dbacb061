package kube

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestAdopt: nothing is scaled before Scale is called, and the target begins with what there
// is.
func TestAdopt(t *testing.T) {
	t.Parallel()
	r := ready(t, 3)
	if got := r.steered(); got != (notice.Steering{Target: 3}) {
		t.Errorf("steering %+v", got)
	}
	if n := r.replicas(); n != 3 {
		t.Errorf("%d replicas", n)
	}
}

// TestStop: when dynlb stops, or a reload removes the app, the pods run on.
func TestStop(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.Scale(2, "test")
	r.awaitReady(2)
	r.Freeze()
	r.Scale(0, "the app was removed")
	r.Stop(t.Context())
	if n := r.replicas(); n != 2 {
		t.Errorf("%d replicas", n)
	}
}

// TestVictim: the pod that goes is the one that has drained, whatever Kubernetes would choose.
func TestVictim(t *testing.T) {
	t.Parallel()
	r := ready(t, 3)
	var leases []registry.Lease
	for range 2 {
		lease, err := r.reg.Acquire(t.Context(), registry.Preference{})
		if err != nil {
			t.Fatal(err)
		}
		leases = append(leases, lease)
	}
	r.Scale(2, "test")
	r.await("two pods", func() bool { _, all := r.states(registry.Ready); return all == 2 })
	for _, lease := range leases {
		if r.lookup()[lease.ID()].State != registry.Ready {
			t.Error("a pod with a request has gone, and not the idle one")
		}
		lease.Release()
	}
}

// TestTakeBack: pods that were to go stay when the target rises before they have finished.
func TestTakeBack(t *testing.T) {
	t.Parallel()
	r := ready(t, 1)
	lease, err := r.reg.Acquire(t.Context(), registry.Preference{})
	if err != nil {
		t.Fatal(err)
	}
	r.Scale(0, "test")
	r.await("draining pod", func() bool { n, _ := r.states(registry.Draining); return n == 1 })
	r.awaitLooks()
	if n := r.replicas(); n != 1 {
		t.Errorf("%d replicas while the pod has a request", n)
	}
	r.Scale(1, "test")
	r.awaitReady(1)
	lease.Release()
	if n := r.replicas(); n != 1 {
		t.Errorf("%d replicas", n)
	}
}

// TestNoVictim: without the right to annotate pods, Kubernetes chooses.
func TestNoVictim(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *cluster, _ *Settings) { c.forbidden = "PATCH /api/v1/namespaces/test/pods" })
	r.Scale(3, "test")
	r.awaitReady(3)
	r.Scale(1, "test")
	r.awaitReady(1)
	if !strings.Contains(r.log.String(), "pods may not be annotated") {
		t.Error("it is not told")
	}
}

// TestRefusedScaling: while the API server refuses to scale down, no more pods drain than are to
// go.
func TestRefusedScaling(t *testing.T) {
	t.Parallel()
	r := ready(t, 3)
	r.cluster.do(func() { r.cluster.forbidden = "PATCH /apis/apps/v1/namespaces/test/deployments/app/scale" })
	r.Scale(2, "test")
	r.await("attempts", func() bool { return strings.Count(r.log.String(), "msg=\"scale Deployment\"") >= 5 })
	if n, all := r.states(registry.Ready); n != 2 || all != 3 {
		t.Errorf("%d of %d pods are ready", n, all)
	}
	r.cluster.do(func() { r.cluster.forbidden = "" })
	r.awaitReady(2)
}

// TestNotReadyGoFirst: pods that are not ready are not wanted, and no ready one drains for it.
func TestNotReadyGoFirst(t *testing.T) {
	t.Parallel()
	r := ready(t, 2)
	r.cluster.do(func() { r.app.unready = true })
	r.Scale(5, "test")
	r.await("pods that are not ready", func() bool { n, _ := r.states(registry.Starting); return n == 3 })
	r.Scale(2, "test")
	r.awaitReady(2)
	for _, p := range []*fakePod{r.pod(0), r.pod(1)} {
		if p.cost != 0 {
			t.Error("a ready pod was chosen")
		}
	}
}

// TestRival: what else sets the replicas is left alone, and named.
func TestRival(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.Scale(2, "test")
	r.awaitReady(2)
	_ = r.steered()
	r.cluster.scaledBy("argocd", r.app, 4)
	if got := r.steered(); got != (notice.Steering{Target: 4, By: "argocd"}) {
		t.Errorf("steering %+v", got)
	}
	r.Scale(1, "test")
	r.awaitReady(4)
	if n := r.replicas(); n != 4 {
		t.Errorf("%d replicas", n)
	}
}

// TestAutoscaler: a Deployment of a HorizontalPodAutoscaler is refused, by its name.
func TestAutoscaler(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *cluster, _ *Settings) {
		c.scalers = `{"items":[{"metadata":{"name":"web-hpa"},"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"app"}}}]}`
	})
	r.Scale(2, "test")
	if got := r.steered(); got.By != "HorizontalPodAutoscaler web-hpa" {
		t.Errorf("steering %+v", got)
	}
	if n := r.replicas(); n != 0 {
		t.Errorf("%d replicas", n)
	}
}

// TestFailedRestart: a restart that makes no progress is taken back.
func TestFailedRestart(t *testing.T) {
	t.Parallel()
	r := ready(t, 2)
	r.cluster.do(func() { r.app.template, r.app.pods[0].template, r.app.pods[1].template = "first", "first", "first" })
	r.cluster.do(func() { r.app.stuck = "pods crash" })
	err := r.Restart(context.Background(), 1, "test", func(int, int) {})
	if err == nil || !strings.Contains(err.Error(), "pods crash") {
		t.Errorf("Restart: %v", err)
	}
	r.cluster.do(func() {
		if r.app.template != "first" {
			t.Errorf("the template is %q", r.app.template)
		}
	})
}

// TestRestartDuringRollout: a rollout of another client is not disturbed.
func TestRestartDuringRollout(t *testing.T) {
	t.Parallel()
	r := ready(t, 1)
	r.cluster.do(func() { r.app.template = "other" })
	if err := r.Restart(context.Background(), 1, "test", func(int, int) {}); !errors.Is(err, fleet.ErrRestarting) {
		t.Errorf("Restart: %v", err)
	}
}

// TestTwoFleets: only the one that holds the Lease scales; the other one takes over when it is
// gone, and begins with the target that there is.
func TestTwoFleets(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "app")
	first := startRig(t, c, c.settings("app"))
	if got := first.steered(); got.By != "" {
		t.Fatalf("steering %+v", got)
	}
	first.Scale(3, "test")
	first.awaitReady(3)
	second := startRig(t, c, c.settings("app"))
	if got := second.steered(); got.By == "" || got.Target != 3 {
		t.Fatalf("steering of the other one %+v", got)
	}
	second.Scale(1, "test")
	second.awaitLooks()
	second.awaitReady(3)
	first.Stop(t.Context())
	if got := second.steered(); got != (notice.Steering{Target: 3}) {
		t.Fatalf("steering after the take-over %+v", got)
	}
	if n := second.replicas(); n != 3 {
		t.Fatalf("%d replicas: an order from before the take-over was carried out", n)
	}
	second.Scale(2, "test")
	second.awaitReady(2)
}

// TestOrderInOutage: an order that is given when the Lease has run out during an outage, and no
// other dynlb has it, is carried out afterwards.
func TestOrderInOutage(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(_ *cluster, s *Settings) { s.pace.renew = 300 * time.Millisecond })
	r.Scale(1, "test")
	r.awaitReady(1)
	r.outage(true)
	r.await("end of the lead", func() bool { _, leads := r.steward.elector.leads(); return !leads })
	r.Scale(2, "test")
	r.outage(false)
	r.awaitReady(2)
}

// TestRaiseFromZero: any dynlb may have the first pod started.
func TestRaiseFromZero(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "app")
	first := startRig(t, c, c.settings("app"))
	_ = first.steered()
	second := startRig(t, c, c.settings("app"))
	if got := second.steered(); got.By == "" || !got.Raise {
		t.Fatalf("steering %+v", got)
	}
	second.Scale(1, "test")
	second.awaitReady(1)
	first.awaitReady(1)
	second.await("end of the raise", func() bool { return !second.steered().Raise })
}
