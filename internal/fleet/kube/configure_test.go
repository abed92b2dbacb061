package kube

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// configured returns the outcome of Configure.
func (r *rig) configured(s Settings) error {
	r.t.Helper()
	return receive(r, r.Configure(s))
}

// receive returns an outcome of Configure.
func receive(r *rig, done <-chan error) error {
	r.t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		r.t.Fatalf("Configure has no outcome\n%s", r.log)
		return nil
	}
}

// TestSamePods: other credentials of the same pods are in force once these are listed.
func TestSamePods(t *testing.T) {
	t.Parallel()
	r := ready(t, 2)
	s := r.cluster.settings("app")
	s.Cluster.Kubeconfig = "other"
	if err := r.configured(s); err != nil {
		t.Fatal(err)
	}
	r.awaitReady(2)
}

// changing returns a fleet that is told to change to the pods of another Deployment, which are
// not listed before list is called.
func changing(t *testing.T) (r *rig, outcome <-chan error, list func()) {
	t.Helper()
	r = ready(t, 1)
	r.cluster.do(func() {
		other := &fakeDeployment{name: "other", replicas: 2, generation: 1}
		r.cluster.deployments["other"] = other
		r.cluster.reconcileLocked(other)
		r.cluster.forbidden = "/endpointslices"
	})
	return r, r.Configure(r.cluster.settings("other")), func() { r.cluster.do(func() { r.cluster.forbidden = "" }) }
}

// TestBrokenSettings: settings that cannot be used do not disturb a change that is under way.
func TestBrokenSettings(t *testing.T) {
	t.Parallel()
	r, outcome, list := changing(t)
	broken := r.cluster.settings("third")
	broken.Cluster.config.CAFile, broken.Cluster.config.Host = "none", "https://127.0.0.1"
	if err := r.configured(broken); err == nil {
		t.Error("settings without the CA of the API server are in force")
	}
	list()
	if err := receive(r, outcome); err != nil {
		t.Errorf("the change before: %v", err)
	}
	r.awaitReady(2)
}

// TestNoVictimBeforeList: a Deployment is not scaled down before its pods are listed: the pods
// that serve until then would drain for it.
func TestNoVictimBeforeList(t *testing.T) {
	t.Parallel()
	r, outcome, list := changing(t)
	r.Scale(1, "test")
	r.await("wait for the list", func() bool {
		ready, _ := r.states(registry.Ready)
		return ready == 0 || strings.Contains(r.log.String(), "not listed yet")
	})
	if n, _ := r.states(registry.Ready); n != 1 {
		t.Errorf("%d pods are ready before the others are listed", n)
	}
	list()
	if err := receive(r, outcome); err != nil {
		t.Error(err)
	}
	r.awaitReady(1)
}

// TestChangeAgain: settings that only differ in other keys do not end the wait for the pods.
func TestChangeAgain(t *testing.T) {
	t.Parallel()
	r, first, list := changing(t)
	s := r.cluster.settings("other")
	s.DrainTimeout = time.Minute
	second := r.Configure(s)
	if err := receive(r, first); !errors.Is(err, fleet.ErrSuperseded) {
		t.Errorf("first change: %v", err)
	}
	select {
	case err := <-second:
		t.Errorf("settings are in force before their pods are listed: %v", err)
	default:
	}
	list()
	if err := receive(r, second); err != nil {
		t.Errorf("second change: %v", err)
	}
	r.awaitReady(2)
}

// TestDrainTimeoutChanged: another drainTimeout holds for pods that drain already.
func TestDrainTimeoutChanged(t *testing.T) {
	t.Parallel()
	r := ready(t, 1)
	lease, err := r.reg.Acquire(t.Context(), registry.Preference{})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	r.Scale(0, "test")
	r.await("draining pod", func() bool { n, _ := r.states(registry.Draining); return n == 1 })
	s := r.cluster.settings("app")
	s.DrainTimeout = time.Millisecond
	if err := r.configured(s); err != nil {
		t.Fatal(err)
	}
	r.await("scaling", func() bool { return r.replicas() == 0 })
}
