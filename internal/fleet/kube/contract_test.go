package kube

import (
	"testing"

	"github.com/dynlb/dynlb/internal/fleet/fleettest"
)

// TestContract tests the pods of a Deployment with the contract of all fleets.
func TestContract(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "app", "other")
	fleettest.Contract(t, fleettest.Kind{Settings: c.settings("app"), Changed: c.settings("other"), Foreign: true})
}
