package kube

import (
	"context"
	"net/http"
	"net/http/httptest"
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
		t.Fatal("no process holds the Lease, and it is not taken")
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

// TestEndDuringFirstTry: a Lease is given back also if its first holder ends before it has the
// answer to its request.
func TestEndDuringFirstTry(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "app")
	arrived, proceed, written := make(chan struct{}), make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := r.Method == http.MethodPost
		if first {
			close(arrived)
			<-proceed
		}
		c.ServeHTTP(w, r)
		if first {
			close(written)
		}
	}))
	defer slow.Close()
	settings := c.settings("app")
	settings.Cluster.config.Host = slow.URL
	api, err := newClient(&settings.Cluster)
	if err != nil {
		t.Fatal(err)
	}
	one := &elector{client: api, name: "x", identity: "one", pace: settings.pace}
	two := &elector{client: api, name: "x", identity: "two", pace: settings.pace}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { // ends with its context
		defer close(ended)
		one.run(ctx, func() {})
		one.release()
	}()
	<-arrived
	cancel()
	close(proceed)
	<-written
	<-ended
	two.try(t.Context())
	if _, leads := two.leads(); !leads {
		t.Error("a process that has ended holds the Lease")
	}
}
