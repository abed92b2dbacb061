package kube

import (
	"testing"
	"time"

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
