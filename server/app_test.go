package server

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// fakeApp is an app of which a test plays the fleet and the autoscaler.
type fakeApp struct {
	name      string
	registry  *registry.Registry
	board     *notice.Board
	scaler    *fakeScaler
	restarter *fakeRestarter
	deployer  *fakeDeployer
}

// newApp returns an app with a target of 2 within 2 and 8, and no instance.
func newApp(name string) *fakeApp {
	r := registry.New(registry.Options{QueueLimit: 10, QueueTimeout: time.Minute})
	board := notice.New(r)
	a := &fakeApp{
		name:      name,
		registry:  r,
		board:     board,
		scaler:    &fakeScaler{board: board, bounds: notice.Bounds{Min: 2, Max: 8}},
		restarter: &fakeRestarter{proceed: make(chan struct{})},
		deployer:  &fakeDeployer{proceed: make(chan struct{})},
	}
	board.SetTarget(2, a.scaler.bounds, time.Time{}, "minInstances")
	return a
}

// app returns the app as the control plane takes it.
func (a *fakeApp) app() App {
	return App{Name: a.name, Board: a.board, Scaler: a.scaler, Restarter: a.restarter, Deployer: a.deployer, Pauser: a.registry}
}

// add registers an instance and moves it through the given states.
func (a *fakeApp) add(t *testing.T, port int, states ...registry.State) registry.ID {
	t.Helper()
	id := a.registry.Add(registry.Spec{Endpoint: registry.TCP("127.0.0.1", port), Port: port, Reason: "test"})
	if err := a.registry.SetHandle(id, "pid 1"); err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if err := a.registry.Transition(id, s, "test"); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// fakeScaler changes what the board shows, as the autoscaler does.
type fakeScaler struct {
	board  *notice.Board
	bounds notice.Bounds

	mu     sync.Mutex // guards the rest
	err    error      // when not nil, the error of ScaleTo
	hold   time.Duration
	reason string
}

func (f *fakeScaler) ScaleTo(_ context.Context, n int, hold time.Duration, reason string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return 0, f.err
	}
	if err := f.bounds.Check(n); err != nil {
		return 0, err
	}
	f.hold, f.reason = hold, reason
	old := f.board.Snapshot().Target
	var until time.Time
	if hold > 0 {
		until = time.Now().Add(hold)
	}
	f.board.SetTarget(n, f.bounds, until, reason)
	return old, nil
}

// fakeRestarter replaces two instances, the second one after a value from proceed,
// and then returns err.
type fakeRestarter struct {
	proceed chan struct{}
	panics  bool // Restart panics; set before any call

	mu     sync.Mutex
	err    error
	surge  int
	reason string

	drained []registry.ID
}

func (f *fakeRestarter) Replace(id registry.ID, reason string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drained, f.reason = append(f.drained, id), reason
	return f.err
}

func (f *fakeRestarter) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeRestarter) Restart(ctx context.Context, surge int, reason string, progress func(replaced, total int)) error {
	if f.panics {
		panic("restart")
	}
	f.mu.Lock()
	f.surge, f.reason = surge, reason
	err := f.err
	f.mu.Unlock()
	if err != nil {
		return err
	}
	progress(0, 2)
	progress(1, 2)
	select {
	case <-f.proceed:
		progress(2, 2)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestAppOfRequest: each call reaches the app that it names, or the only one.
func TestAppOfRequest(t *testing.T) {
	t.Parallel()
	one, two := newApp("one").app(), newApp("two").app()
	for _, tt := range []struct {
		apps apps
		name string
		want string
		code codes.Code
		text string
	}{
		{apps{one}, "", "one", codes.OK, ""},
		{apps{one}, "one", "one", codes.OK, ""},
		{apps{one}, "two", "", codes.NotFound, `there is no app "two", only one`},
		{apps{one, two}, "two", "two", codes.OK, ""},
		{apps{one, two}, "", "", codes.InvalidArgument, "app is missing: there are one, two; name one of them"},
		{apps{one, two}, "three", "", codes.NotFound, `there is no app "three", only one, two`},
	} {
		got, err := tt.apps.find(tt.name)
		wantCode(t, err, tt.code, tt.text)
		if err == nil && got.Name != tt.want {
			t.Errorf("app %q of %d is %s, want %s", tt.name, len(tt.apps), got.Name, tt.want)
		}
	}
}

// TestTwoApps: calls change and show the app that they name, and all that they
// answer carries its name.
func TestTwoApps(t *testing.T) {
	t.Parallel()
	p, two := startTwo(t)
	id := two.add(t, 5001, registry.Ready)
	two.board.SetLastExit(notice.Exit{ID: id})
	scaled, err := p.client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{App: "two", Target: proto.Int32(5)})
	if err != nil || scaled.GetApp() != "two" {
		t.Fatal(scaled, err)
	}
	if got := [2]int{p.board.Snapshot().Target, two.board.Snapshot().Target}; got != [2]int{2, 5} {
		t.Errorf("targets %v, want 2 and 5", got)
	}
	status, err := p.client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{App: "two"})
	if err != nil {
		t.Fatal(err)
	}
	pool := status.GetPool()
	if pool.GetApp() != "two" || pool.GetInstances()[0].GetApp() != "two" || pool.GetLastExit().GetApp() != "two" ||
		status.GetLbStatus().GetInstances()[0].GetId() != string(id) {
		t.Errorf("status is %v", status)
	}
	restart, err := p.client.RestartInstances(t.Context(), &dynlbv1.RestartInstancesRequest{App: "two", MaxSurge: 7})
	if err != nil {
		t.Fatal(err)
	}
	if step, err := restart.Recv(); err != nil || step.GetApp() != "two" || two.restarter.surge != 7 {
		t.Errorf("restart: %v, %v, surge %d", step, err, two.restarter.surge)
	}
	if resp, body := p.do(t, "GET", "/v1/status?app=two", ""); !strings.Contains(body, `"app":"two"`) {
		t.Errorf("GET /v1/status?app=two: %s %s", resp.Status, body)
	}
	if resp, body := p.do(t, "GET", "/v1/status", ""); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("GET /v1/status without an app: %s %s, want 400", resp.Status, body)
	}
}

// TestWatchOfOneApp: a watch sends the app that it names, and no other.
func TestWatchOfOneApp(t *testing.T) {
	t.Parallel()
	p, two := startTwo(t)
	stream, err := p.client.WatchInstances(t.Context(), &dynlbv1.WatchInstancesRequest{App: "two"})
	if err != nil {
		t.Fatal(err)
	}
	if message, err := stream.Recv(); err != nil || message.GetPool().GetApp() != "two" {
		t.Fatal(message, err)
	}
	p.board.SetTarget(3, p.scaler.bounds, time.Time{}, "up")
	two.add(t, 5002)
	message, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if len(message.GetEvents()) != 1 || message.GetEvents()[0].GetApp() != "two" ||
		message.GetEvents()[0].GetType() != dynlbv1.EventType_EVENT_TYPE_STARTING {
		t.Errorf("message is %v, want the one event of the app", message)
	}
}

// TestReadyzOfTwoApps: dynlb is ready when each app is.
func TestReadyzOfTwoApps(t *testing.T) {
	t.Parallel()
	one, two := newApp("one"), newApp("two")
	s := new(Server)
	s.SetApps([]App{one.app(), two.app()})
	one.add(t, 5001, registry.Ready)
	if err := s.unready(); err == nil || err.Error() != "app two: no instance is ready" {
		t.Errorf("with one of two apps ready: %v", err)
	}
	two.add(t, 5001, registry.Ready)
	if err := s.unready(); err != nil {
		t.Errorf("with both apps ready: %v", err)
	}
}
