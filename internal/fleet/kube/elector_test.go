package kube

import (
	"testing"
	"time"
)

// TestElector: a holder that was away for longer than it may renew knows at once that it does
// not lead.
func TestElector(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "app")
	settings := c.settings("app")
	api, err := newClient(&settings.Cluster)
	if err != nil {
		t.Fatal(err)
	}
	p := *settings.pace
	p.lease, p.renew = 2*time.Second, time.Second
	one := &elector{client: api, name: "x", identity: "one", pace: &p}
	two := &elector{client: api, name: "x", identity: "two", pace: &p}
	one.try(t.Context())
	if _, leads := one.leads(); !leads {
		t.Fatal("nobody holds the Lease, and it is not taken")
	}
	two.try(t.Context())
	if _, leads := two.leads(); leads {
		t.Fatal("two hold the Lease")
	}
	if holder, _ := two.state(); holder != "one" {
		t.Errorf("holder %q", holder)
	}
	for { // one is paused: it does not renew
		if _, leads := one.leads(); !leads {
			break
		}
	}
	for {
		two.try(t.Context())
		if _, leads := two.leads(); leads {
			break
		}
	}
	one.try(t.Context())
	if _, leads := one.leads(); leads {
		t.Error("two hold the Lease")
	}
	two.release()
	one.try(t.Context())
	if _, leads := one.leads(); !leads {
		t.Error("a Lease that was given back is not taken")
	}
}
