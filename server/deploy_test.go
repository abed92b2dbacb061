package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/deploy"
	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// fakeDeployer makes two steps, the second one after a value from proceed, and then
// returns err.
type fakeDeployer struct {
	proceed chan struct{}

	mu    sync.Mutex
	err   error
	order deploy.Order
}

func (f *fakeDeployer) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeDeployer) Deploy(ctx context.Context, o deploy.Order, progress func(deploy.Step)) error {
	f.mu.Lock()
	f.order = o
	err := f.err
	f.mu.Unlock()
	if err != nil {
		return err
	}
	progress(deploy.Step{Phase: deploy.Starting, Version: "v2", Text: "1 of 2 ready"})
	select {
	case <-f.proceed:
		progress(deploy.Step{Phase: deploy.Done, Version: "v2", Text: "done"})
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fakeDeployer) Rollback(ctx context.Context, reason string, progress func(deploy.Step)) error {
	return f.Deploy(ctx, deploy.Order{Reason: reason}, progress)
}

// TestDeployStreamsItsSteps: each step arrives before the next one is made, and the log
// names the client.
func TestDeployStreamsItsSteps(t *testing.T) {
	t.Parallel()
	p := start(t)
	stream, err := p.client.Deploy(t.Context(), &dynlbv1.DeployRequest{
		Version: "v2", Canary: 0.1, CanaryTime: durationpb.New(time.Minute), Factor: 3, MinRequests: 7,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []dynlbv1.DeployPhase{dynlbv1.DeployPhase_DEPLOY_PHASE_STARTING, dynlbv1.DeployPhase_DEPLOY_PHASE_DONE} {
		m, err := stream.Recv()
		if err != nil || m.GetPhase() != want || m.GetVersion() != "v2" || m.GetApp() != "default" || m.GetText() == "" {
			t.Fatalf("message %v, %v; want %v", m, err, want)
		}
		if want == dynlbv1.DeployPhase_DEPLOY_PHASE_STARTING {
			p.deployer.proceed <- struct{}{}
		}
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the end: %v", err)
	}
	got := p.deployer.order
	reason := got.Reason
	got.Reason = ""
	if want := (deploy.Order{Version: "v2", Canary: 0.1, For: time.Minute, Factor: 3, MinRequests: 7}); got != want {
		t.Errorf("order %+v, want %+v", got, want)
	}
	if !strings.HasPrefix(reason, "Deploy from 127.0.0.1:") || !strings.Contains(p.log.String(), "msg=Deploy peer=127.0.0.1:") {
		t.Errorf("reason %q, log %s", reason, p.log.String())
	}
}

func TestDeployOverHTTP(t *testing.T) {
	t.Parallel()
	for path, body := range map[string]string{"/v1/deploy": `{"version":"v2","canary":0.2}`, "/v1/rollback": "{}"} {
		p := start(t)
		go func() { p.deployer.proceed <- struct{}{} }()
		response, got := p.do(t, http.MethodPost, path, body, "Content-Type", "application/json")
		want := `{"result":{"app":"default","version":"v2","phase":"DEPLOY_PHASE_STARTING","text":"1 of 2 ready"}}
{"result":{"app":"default","version":"v2","phase":"DEPLOY_PHASE_DONE","text":"done"}}
`
		if response.StatusCode != http.StatusOK || got != want {
			t.Errorf("%s: %d %s", path, response.StatusCode, got)
		}
		if o := p.deployer.order; path == "/v1/deploy" && (o.For != deploy.DefaultFor || o.Factor != deploy.DefaultFactor || o.MinRequests != deploy.DefaultMinRequests) {
			t.Errorf("order %+v, want the defaults", o)
		}
		if response, _ := p.do(t, http.MethodGet, path, ""); response.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", path, response.StatusCode)
		}
	}
}

func TestDeployErrors(t *testing.T) {
	t.Parallel()
	_, versionError := errors.AsType[deploy.VersionError](deploy.VersionError{})
	if !versionError {
		t.Fatal("a VersionError is not found")
	}
	p := start(t)
	for _, c := range []struct {
		err  error
		code codes.Code
	}{
		{deploy.VersionError{}, codes.InvalidArgument},
		{fmt.Errorf("%w: of v3", fleet.ErrDeploying), codes.FailedPrecondition},
		{fleet.ErrRestarting, codes.FailedPrecondition},
		{deploy.ErrNoPrevious, codes.FailedPrecondition},
		{deploy.ErrUnsupported, codes.Unimplemented},
		{deploy.ErrNoCanary, codes.InvalidArgument},
		{registry.ErrClosed, codes.Unavailable},
		{errors.New("v2 is worse"), codes.Aborted},
	} {
		if _, ok := errors.AsType[deploy.VersionError](c.err); ok {
			continue // its text is unexported; package deploy makes it
		}
		p.deployer.fail(c.err)
		stream, err := p.client.Rollback(t.Context(), &dynlbv1.RollbackRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		if status.Code(err) != c.code {
			t.Errorf("%v: %v, want %v", c.err, err, c.code)
		}
	}
}

func TestDeployRequestBounds(t *testing.T) {
	t.Parallel()
	p := start(t)
	long := durationpb.New(25 * time.Hour)
	for _, req := range []*dynlbv1.DeployRequest{
		{},
		{Version: "v2", App: "other"},
		{Version: "v2", Canary: 1},
		{Version: "v2", Canary: -0.1},
		{Version: "v2", Canary: math.NaN()},
		{Version: "v2", Factor: 2},
		{Version: "v2", CanaryTime: long},
		{Version: "v2", Canary: 0.1, CanaryTime: long},
		{Version: "v2", Canary: 0.1, Factor: 0.5},
		{Version: "v2", Canary: 0.1, Factor: math.Inf(1)},
		{Version: "v2", Canary: 0.1, MinRequests: -1},
	} {
		stream, err := p.client.Deploy(t.Context(), req)
		if err == nil {
			_, err = stream.Recv()
		}
		if code := status.Code(err); code != codes.InvalidArgument && code != codes.NotFound {
			t.Errorf("%v: %v", req, err)
		}
	}
}

// TestVersionsAreShown: the state of an app has its versions, and the deploy in progress.
func TestVersionsAreShown(t *testing.T) {
	t.Parallel()
	p := start(t)
	until := time.Now().Add(time.Minute)
	p.registry.Add(registry.Spec{Version: "v1"})
	p.registry.Add(registry.Spec{Version: "v2", Staged: true})
	p.board.SetVersions("v1", "v0")
	p.board.SetDeploy(notice.Deploy{Version: "v2", Phase: uint8(deploy.Canary), Share: 0.1, Until: until})
	response, err := p.client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	pool := response.GetPool()
	if d := pool.GetDeploy(); pool.GetVersion() != "v1" || pool.GetPreviousVersion() != "v0" || d.GetVersion() != "v2" ||
		d.GetPhase() != dynlbv1.DeployPhase_DEPLOY_PHASE_CANARY || d.GetShare() != 0.1 || !d.GetCanaryEndTime().AsTime().Equal(until) {
		t.Errorf("state %v", pool)
	}
	if in := pool.GetInstances(); in[0].GetVersion() != "v1" || in[0].GetStaged() || in[1].GetVersion() != "v2" || !in[1].GetStaged() {
		t.Errorf("instances %v", in)
	}
	_, metrics := p.do(t, http.MethodGet, "/metrics", "")
	for _, want := range []string{`version="v2"`, `staged="true"`, `dynlb_deploy_share{app="default",version="v2"} 0.1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}
