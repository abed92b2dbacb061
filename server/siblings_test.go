package server

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/internal/sibling"
)

// fakeSiblings are siblings of which a test says how they are reached.
type fakeSiblings struct {
	err error // of Feed

	mu      sync.Mutex // guards clients
	clients map[string]dynlbv1.ControlClient
	asked   chan struct{} // gets a value at each call of Client that finds none; nil: it does not
}

func (f *fakeSiblings) On() bool { return true }

func (f *fakeSiblings) Feed(_ context.Context, send func(*dynlbv1.WatchReportsResponse) error) error {
	if f.err != nil {
		return f.err
	}
	return send(&dynlbv1.WatchReportsResponse{Id: "a", Waiting: 3})
}

func (f *fakeSiblings) Client(id string) (dynlbv1.ControlClient, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	client, ok := f.clients[id]
	if !ok && f.asked != nil {
		select {
		case f.asked <- struct{}{}:
		default:
		}
	}
	return client, ok
}

// set changes how a sibling is reached; nil: it is not.
func (f *fakeSiblings) set(id string, client dynlbv1.ControlClient) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.clients, id)
	if client != nil {
		f.clients[id] = client
	}
}

// siblingPlane returns a control plane whose app does not scale, and the siblings of its app.
func siblingPlane(t *testing.T, by string) (*plane, *fakeSiblings) {
	t.Helper()
	p := start(t)
	all := &fakeSiblings{clients: map[string]dynlbv1.ControlClient{}}
	app := p.app()
	app.Siblings = all
	p.SetApps([]App{app})
	p.scaler.err = &notice.SteeredError{By: by, Sibling: true}
	return p, all
}

// TestScaleToIsPassedOn: an order to a dynlb that does not scale is carried out by the one that
// does, with the client's name.
func TestScaleToIsPassedOn(t *testing.T) {
	t.Parallel()
	holder := start(t)
	p, all := siblingPlane(t, "holder")
	all.set("holder", holder.client)
	p.board.SetTarget(5, p.scaler.bounds, p.board.Snapshot().Time, "as the holder will say")
	resp, err := p.client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{Target: proto.Int32(5)})
	if err != nil || resp.GetOldTarget() != 2 || resp.GetNewTarget() != 5 {
		t.Fatalf("%v, %v", resp, err)
	}
	if got := holder.board.Snapshot().Target; got != 5 {
		t.Errorf("the target is %d", got)
	}
	if got := holder.scaler.reason; strings.Count(got, "127.0.0.1:") != 2 || !strings.Contains(got, " by way of ") {
		t.Errorf("reason is %q", got)
	}
	_, err = p.client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{Target: proto.Int32(9)})
	wantCode(t, err, codes.InvalidArgument, "outside [2, 8]")
}

// TestScaleToWaitsForHolder: an order waits while no dynlb scales, and is carried out by the one
// that does then, be it this one.
func TestScaleToWaitsForHolder(t *testing.T) {
	t.Parallel()
	for _, here := range []bool{false, true} {
		holder := start(t)
		p, all := siblingPlane(t, "next")
		all.asked = make(chan struct{}, 1)
		go func() { // ends when the order has been tried in vain
			<-all.asked
			if !here {
				all.set("next", holder.client)
				return
			}
			p.scaler.mu.Lock()
			defer p.scaler.mu.Unlock()
			p.scaler.err = nil
		}()
		p.board.SetTarget(5, p.scaler.bounds, p.board.Snapshot().Time, "as the holder will say")
		if _, err := p.client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{Target: proto.Int32(5)}); err != nil {
			t.Errorf("here %v: %v", here, err)
		}
	}
}

// TestScaleToGoesNoFurther: an order that was passed on to a dynlb that does not scale any more
// comes back.
func TestScaleToGoesNoFurther(t *testing.T) {
	t.Parallel()
	second, loop := siblingPlane(t, "first")
	loop.set("first", second.client) // would go round without end
	p, all := siblingPlane(t, "second")
	all.set("second", second.client)
	all.asked = make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { // ends with its context
		_, err := p.client.ScaleTo(ctx, &dynlbv1.ScaleToRequest{Target: proto.Int32(5)})
		done <- err
	}()
	for !strings.Contains(p.log.String(), "ScaleTo passed on") {
		runtime.Gosched()
	}
	cancel()
	wantCode(t, <-done, codes.Canceled, "")
}

// TestScaleToOfAnotherProgram: a program that is no dynlb is not waited for.
func TestScaleToOfAnotherProgram(t *testing.T) {
	t.Parallel()
	p, _ := siblingPlane(t, "")
	p.scaler.err = &notice.SteeredError{By: "HorizontalPodAutoscaler web"}
	_, err := p.client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{Target: proto.Int32(5)})
	wantCode(t, err, codes.FailedPrecondition, "HorizontalPodAutoscaler web")
}

// TestWatchReports: a sibling gets what the app has, and an error that says why it gets nothing.
func TestWatchReports(t *testing.T) {
	t.Parallel()
	p, all := siblingPlane(t, "")
	watch := func(app string) (*dynlbv1.WatchReportsResponse, error) {
		stream, err := dynlbv1.NewSiblingsClient(p.conn).WatchReports(t.Context(), &dynlbv1.WatchReportsRequest{App: app, Reader: "b"})
		if err != nil {
			t.Fatal(err)
		}
		return stream.Recv()
	}
	if m, err := watch("default"); err != nil || m.GetWaiting() != 3 {
		t.Errorf("%v, %v", m, err)
	}
	_, err := watch("other")
	wantCode(t, err, codes.NotFound, "other")
	all.err = sibling.ErrNone
	_, err = watch("default")
	wantCode(t, err, codes.FailedPrecondition, "no siblings")
	all.err = sibling.ErrClosed
	_, err = watch("default")
	wantCode(t, err, codes.Unavailable, "shutting down")
	p.SetApps([]App{p.app()})
	_, err = watch("default")
	wantCode(t, err, codes.FailedPrecondition, "no siblings")
}

// TestSiblingsInStatus: the status has the requests of all siblings, and metrics those of this
// dynlb alone, so that a sum over all is right.
func TestSiblingsInStatus(t *testing.T) {
	t.Parallel()
	p := start(t)
	id := p.add(t, 5001, registry.Ready)
	if _, err := p.registry.Acquire(t.Context(), registry.Preference{}); err != nil {
		t.Fatal(err)
	}
	p.registry.UpdateSibling("s", registry.Report{Waiting: 3, Loads: []registry.SiblingLoad{{ID: id, InFlight: 4, Streams: 1}}})
	status, err := p.client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	pool := status.GetPool()
	in := pool.GetInstances()[0]
	if in.GetInFlight() != 5 || in.GetInFlightAtSiblings() != 4 || in.GetStreams() != 1 || pool.GetSiblings() != 1 || pool.GetWaitingRequests() != 3 || pool.GetWaitingAtSiblings() != 3 {
		t.Errorf("%v", pool)
	}
	_, text := p.do(t, "GET", "/metrics", "")
	for _, want := range []string{
		`dynlb_requests_in_flight{app="default"} 1`, `dynlb_requests_waiting{app="default"} 0`, `dynlb_streams{app="default"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("metrics have no %s", want)
		}
	}
}
