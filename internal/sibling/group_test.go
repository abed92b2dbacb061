package sibling

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/registry"
)

// limit bounds each wait. Only a test that fails reaches it.
const limit = 30 * time.Second

// node is a dynlb with two instances, x and y.
type node struct {
	dynlbv1.UnimplementedSiblingsServer
	*Group
	t       testing.TB
	address string
	server  *grpc.Server
	token   string

	mu     sync.Mutex // guards order
	order  Order
	silent chan struct{} // closed: nothing is sent any more
}

// newNode returns a dynlb that listens at an address, or at any one if that is empty.
func newNode(t testing.TB, id, address string, options ...grpc.ServerOption) *node {
	t.Helper()
	r := registry.New(registry.Options{QueueLimit: 10, QueueTimeout: time.Hour})
	for _, id := range []registry.ID{"x", "y"} {
		r.Add(registry.Spec{ID: id})
		if err := r.Transition(id, registry.Ready, "test"); err != nil {
			t.Fatal(err)
		}
	}
	n := &node{t: t, silent: make(chan struct{})}
	n.Group = New(Options{App: "app", ID: id, Registry: r, Log: slog.New(slog.DiscardHandler), Own: func() Order {
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.order
	}})
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	n.address, n.server = l.Addr().String(), grpc.NewServer(options...)
	dynlbv1.RegisterSiblingsServer(n.server, n)
	served := make(chan struct{})
	go func() { // ends with Stop
		defer close(served)
		_ = n.server.Serve(l)
	}()
	t.Cleanup(func() {
		n.Close()
		n.server.Stop()
		<-served
	})
	return n
}

// WatchReports implements the service.
func (n *node) WatchReports(r *dynlbv1.WatchReportsRequest, stream grpc.ServerStreamingServer[dynlbv1.WatchReportsResponse]) error {
	if got := metadata.ValueFromIncomingContext(stream.Context(), "authorization"); n.token != "" && (len(got) != 1 || got[0] != "Bearer "+n.token) {
		return status.Error(codes.Unauthenticated, "test")
	}
	if r.GetApp() != "app" || r.GetReader() == "" {
		return status.Error(codes.InvalidArgument, "test")
	}
	return n.Feed(stream.Context(), func(m *dynlbv1.WatchReportsResponse) error {
		select {
		case <-n.silent:
			return nil
		default:
			return stream.Send(m)
		}
	})
}

// claim has n requests at the least loaded instances.
func (n *node) claim(requests int) (leases []registry.Lease) {
	n.t.Helper()
	for range requests {
		lease, err := n.Registry.Try(registry.Preference{})
		if err != nil {
			n.t.Fatal(err)
		}
		leases = append(leases, lease)
	}
	return leases
}

// inFlight returns the requests of all siblings, as n knows them.
func (n *node) inFlight() (all int) {
	now := n.Registry.Snapshot()
	for i := range now.Instances {
		all += now.Instances[i].InFlight
	}
	return all
}

// await waits until ok returns true.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s within %v", what, limit)
		}
	}
}

// join has dynlbs be siblings.
func join(all ...*node) {
	var addresses []string
	for _, n := range all {
		addresses = append(addresses, n.address)
	}
	for _, n := range all {
		n.Set(addresses, Access{})
	}
}

// TestExchange: each of three dynlbs knows what all have, and what changes.
func TestExchange(t *testing.T) {
	t.Parallel()
	a, b, c := newNode(t, "a", ""), newNode(t, "b", ""), newNode(t, "c", "")
	leases := a.claim(3)
	join(a, b, c)
	b.claim(4)
	agree := func(want int) {
		t.Helper()
		for _, n := range []*node{a, b, c} {
			await(t, "agreement", func() bool { return n.inFlight() == want && n.Registry.Siblings() == 2 })
		}
	}
	agree(7)
	for _, lease := range leases {
		lease.Release()
	}
	agree(4)
	if err := c.Registry.Transition("x", registry.Draining, "test"); err != nil {
		t.Fatal(err)
	}
	await(t, "request that goes to another instance than the one that drains", func() bool {
		lease := a.claim(1)[0]
		defer lease.Release()
		return lease.ID() == "y"
	})
}

// TestSiblingGoes: what a sibling had is forgotten when it ends, and known again when another
// one begins at its address.
func TestSiblingGoes(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", ""), newNode(t, "b", "")
	b.claim(2)
	join(a, b)
	await(t, "report", func() bool { return a.inFlight() == 2 })
	if _, ok := a.Client("b"); !ok {
		t.Error("there is no client of b")
	}
	b.server.Stop()
	await(t, "end of b", func() bool { return a.inFlight() == 0 && a.Registry.Siblings() == 0 })
	if _, ok := a.Client("b"); ok {
		t.Error("there is a client of b, which is gone")
	}
	b.Close()
	next := newNode(t, "b2", b.address)
	next.Set(nil, Access{})
	next.claim(5)
	await(t, "report of its successor", func() bool { return a.inFlight() == 5 })
}

// TestSilence: what a sibling had is forgotten when nothing arrives from it, though its
// connection is open.
func TestSilence(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", ""), newNode(t, "b", "")
	b.claim(2)
	join(a, b)
	await(t, "report", func() bool { return a.inFlight() == 2 })
	close(b.silent)
	await(t, "end of what b had", func() bool { return a.inFlight() == 0 })
}

// TestSelf: a dynlb that has itself among its siblings does not count its requests twice.
func TestSelf(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", ""), newNode(t, "b", "")
	join(a, b)
	await(t, "sibling", func() bool { return a.Registry.Siblings() == 1 })
	a.claim(2)
	b.claim(1)
	await(t, "report", func() bool { return a.inFlight() == 3 && b.inFlight() == 3 })
	if n := a.Registry.Siblings(); n != 1 {
		t.Errorf("%d siblings", n)
	}
}

// TestToken: a sibling that takes a token is reached with it only.
func TestToken(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", ""), newNode(t, "b", "")
	b.token = "secret"
	b.Set(nil, Access{})
	b.claim(2)
	refused := make(chan struct{})
	a.Set([]string{b.address}, Access{Key: "1", Token: sync.OnceValue(func() string { close(refused); return "wrong" })})
	<-refused
	if n := a.Registry.Siblings(); n != 0 {
		t.Errorf("%d siblings with a wrong token", n)
	}
	a.Set([]string{b.address}, Access{Key: "2", Token: func() string { return "secret" }})
	await(t, "report", func() bool { return a.inFlight() == 2 })
}

// TestOrder: what the sibling wants that scales is known, also when it is gone.
func TestOrder(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", ""), newNode(t, "b", "")
	order := Order{Scales: true, Target: 7, Hold: time.Now().Add(time.Hour).UTC().Truncate(time.Second)}
	b.order = order
	join(a, b)
	await(t, "order", func() bool { return a.Order("b") == order })
	b.server.Stop()
	await(t, "end of b", func() bool { return a.Registry.Siblings() == 0 })
	if got := a.Order("b"); got != order {
		t.Errorf("after its end: %+v", got)
	}
}

// TestOrderEnds: the order of a sibling that scales no more is forgotten.
func TestOrderEnds(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", ""), newNode(t, "b", "")
	b.order = Order{Scales: true, Target: 7}
	join(a, b)
	await(t, "order", func() bool { return a.Order("b").Target == 7 })
	b.mu.Lock()
	b.order = Order{}
	b.mu.Unlock()
	await(t, "end of the order", func() bool { return a.Order("b") == Order{} })
}

// TestOff: a dynlb that is to have no siblings any more tells nothing, and counts nothing.
func TestOff(t *testing.T) {
	t.Parallel()
	a, b := newNode(t, "a", ""), newNode(t, "b", "")
	if err := a.Feed(t.Context(), nil); !errors.Is(err, ErrNone) {
		t.Errorf("before: %v", err)
	}
	a.claim(1)
	b.claim(2)
	join(a, b)
	await(t, "report", func() bool { return a.inFlight() == 3 && b.inFlight() == 3 })
	a.Off()
	await(t, "end", func() bool { return a.inFlight() == 1 && b.inFlight() == 2 })
	a.Close()
	a.Set([]string{b.address}, Access{})
	if err := a.Feed(context.Background(), nil); !errors.Is(err, ErrNone) {
		t.Errorf("after: %v", err)
	}
}
