package kube

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// reports serves the reports of a fleet, as the admin listener does.
type reports struct {
	dynlbv1.UnimplementedSiblingsServer
	*Fleet
}

func (r reports) WatchReports(_ *dynlbv1.WatchReportsRequest, stream grpc.ServerStreamingServer[dynlbv1.WatchReportsResponse]) error {
	return r.siblings.Feed(stream.Context(), stream.Send)
}

// siblingRigs returns two fleets in front of two pods, which know each other. The first one
// scales.
func siblingRigs(t *testing.T) (a, b *rig) {
	t.Helper()
	c := newCluster(t, "app", "dynlb")
	c.scaledBy("", c.deployments["app"], 2)
	settings := c.settings("app")
	settings.Cluster.Siblings = "dynlb"
	listen := func() *rig {
		r := prepareRig(t, c, settings)
		server := grpc.NewServer()
		dynlbv1.RegisterSiblingsServer(server, reports{Fleet: r.Fleet})
		s := httptest.NewUnstartedServer(server)
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
		c.do(func() {
			p := &fakePod{Server: s, uid: r.siblings.ID, name: "dynlb-" + r.siblings.ID, ready: true}
			c.deployments["dynlb"].pods = append(c.deployments["dynlb"].pods, p)
			c.announceLocked("ADDED", c.deployments["dynlb"], p)
		})
		r.start(t)
		t.Cleanup(s.CloseClientConnections) // before Close waits for them
		return r
	}
	a = listen()
	if got := a.steered(); got != (notice.Steering{Target: 2}) {
		t.Fatalf("steering %+v", got)
	}
	a.Board.SetTarget(2, notice.Bounds{Min: 1, Max: 9}, time.Time{}, "test")
	b = listen()
	for _, r := range []*rig{a, b} {
		r.await("sibling", func() bool { return r.reg.Siblings() == 1 })
		r.awaitReady(2)
	}
	return a, b
}

// TestSiblings: two dynlbs that a Service lists know what the other one has, and a pod that one
// drains gets no more requests of the other one, and goes when both have finished.
func TestSiblings(t *testing.T) {
	t.Parallel()
	a, b := siblingRigs(t)
	lease, err := b.reg.Acquire(t.Context(), registry.Preference{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(r *rig) registry.Instance { return r.lookup()[lease.ID()] }
	a.await("report", func() bool { return at(a).AtSiblings.InFlight == 1 && at(a).InFlight == 1 })
	var more []registry.Lease // the other pod is the busier one
	for range 2 {
		m, err := a.reg.Acquire(t.Context(), registry.Preference{})
		if err != nil {
			t.Fatal(err)
		}
		more = append(more, m)
	}
	if more[0].ID() == lease.ID() {
		t.Fatal("the busier pod was picked")
	}
	for _, m := range more {
		m.Release()
	}
	others := []registry.Lease{}
	for range 3 { // one for each pod at least
		m, err := b.reg.Acquire(t.Context(), registry.Preference{})
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, m)
	}
	a.await("reports", func() bool {
		n := 0
		for _, in := range a.lookup() {
			n += in.InFlight
		}
		return n == 4
	})
	a.Scale(1, "test")
	a.await("victim", func() bool { n, _ := a.states(registry.Draining); return n == 1 })
	victim := registry.ID("")
	for id, in := range a.lookup() {
		if in.State == registry.Draining {
			victim = id
		}
	}
	b.await("request that goes to the other pod", func() bool {
		m, err := b.reg.Acquire(t.Context(), registry.Preference{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Release()
		return m.ID() != victim
	})
	a.awaitLooks()
	if n := a.replicas(); n != 2 {
		t.Errorf("%d replicas while the sibling has requests at the pod", n)
	}
	lease.Release()
	for _, m := range others {
		m.Release()
	}
	a.await("scaling", func() bool { return a.replicas() == 1 })
}

// TestSiblingTakesOver: the dynlb that scales in the place of another one goes on with its
// target and its hold.
func TestSiblingTakesOver(t *testing.T) {
	t.Parallel()
	a, b := siblingRigs(t)
	hold := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	a.Board.SetTarget(3, notice.Bounds{Min: 1, Max: 9}, hold, "test") // the Deployment has 2 yet
	var got notice.Steering
	next := func(what string, ok func() bool) {
		t.Helper()
		b.await(what, func() bool {
			select {
			case got = <-b.steering:
			default:
			}
			return ok()
		})
	}
	next("target of the sibling", func() bool {
		return got == notice.Steering{Target: 3, By: a.siblings.ID, Sibling: true, Hold: hold}
	})
	a.Stop(t.Context())
	next("change of the dynlb that scales", func() bool { return got.By == "" })
	if want := (notice.Steering{Target: 3, Hold: hold}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestSiblingIsNotWaitedFor: a dynlb that stops does not wait for the requests of others.
func TestSiblingIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	a, b := siblingRigs(t)
	lease, err := b.reg.Acquire(t.Context(), registry.Preference{})
	if err != nil {
		t.Fatal(err)
	}
	a.await("report", func() bool { return a.lookup()[lease.ID()].InFlight == 1 })
	a.Stop(t.Context())
	lease.Release()
}
