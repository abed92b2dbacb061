package server

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/deploy"
	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// Bounds of a DeployRequest.
const (
	MinCanaryTime          = time.Second
	MaxCanaryTime          = 24 * time.Hour
	MinFactor              = 1
	MaxFactor              = 100
	MaxMinRequests         = 1_000_000
	smallestCanary float64 = 0.0001
)

// Deploy puts a version of an app in force, and logs which client did.
func (c *control) Deploy(req *dynlbv1.DeployRequest, stream grpc.ServerStreamingServer[dynlbv1.DeployResponse]) error {
	app, err := c.apps.find(req.GetApp())
	if err != nil {
		return err
	}
	order, err := orderOf(req)
	if err != nil {
		return err
	}
	from := peerOf(stream.Context())
	c.log.Info("Deploy", "peer", from, "version", order.Version, "canary", order.Canary, "for", order.For, "app", app.Name)
	order.Reason = "Deploy from " + from
	return deployError(app.Deployer.Deploy(stream.Context(), order, func(s deploy.Step) {
		// Send fails when the client has left. Then the stream's context has ended.
		_ = stream.Send(&dynlbv1.DeployResponse{App: app.Name, Version: text(s.Version), Phase: phaseOf(s.Phase), Text: text(s.Text)})
	}))
}

// Rollback puts the previous version of an app in force, and logs which client did.
func (c *control) Rollback(req *dynlbv1.RollbackRequest, stream grpc.ServerStreamingServer[dynlbv1.RollbackResponse]) error {
	app, err := c.apps.find(req.GetApp())
	if err != nil {
		return err
	}
	from := peerOf(stream.Context())
	c.log.Info("Rollback", "peer", from, "app", app.Name)
	return deployError(app.Deployer.Rollback(stream.Context(), "Rollback from "+from, func(s deploy.Step) {
		_ = stream.Send(&dynlbv1.RollbackResponse{App: app.Name, Version: text(s.Version), Phase: phaseOf(s.Phase), Text: text(s.Text)})
	}))
}

// orderOf returns what a request asks for.
func orderOf(req *dynlbv1.DeployRequest) (o deploy.Order, err error) {
	o = deploy.Order{
		Version: req.GetVersion(), Canary: req.GetCanary(), For: req.GetCanaryTime().AsDuration(),
		Factor: req.GetFactor(), MinRequests: int(req.GetMinRequests()),
	}
	if o.Canary > 0 {
		o = o.WithDefaults()
	}
	switch {
	case o.Version == "":
		return o, status.Error(codes.InvalidArgument, "version is missing: it says what is deployed")
	case o.Canary == 0:
		if o.For != 0 || o.Factor != 0 || o.MinRequests != 0 {
			return o, status.Error(codes.InvalidArgument, "canary_time, factor and min_requests need canary")
		}
		return o, nil
	case !(o.Canary >= smallestCanary && o.Canary < 1): // NaN too
		return o, status.Errorf(codes.InvalidArgument, "canary %v is outside [%v, 1)", o.Canary, smallestCanary)
	case o.For < MinCanaryTime || o.For > MaxCanaryTime:
		return o, status.Errorf(codes.InvalidArgument, "canary_time %v is outside [%v, %v]", o.For, MinCanaryTime, MaxCanaryTime)
	case !(o.Factor >= MinFactor && o.Factor <= MaxFactor):
		return o, status.Errorf(codes.InvalidArgument, "factor %v is outside [%d, %d]", o.Factor, MinFactor, MaxFactor)
	case o.MinRequests < 1 || o.MinRequests > MaxMinRequests:
		return o, status.Errorf(codes.InvalidArgument, "min_requests %d is outside [1, %d]", o.MinRequests, MaxMinRequests)
	}
	return o, nil
}

// deployError turns the error of a Deployer into one of the service.
func deployError(err error) error {
	if err == nil {
		return nil
	}
	if version, ok := errors.AsType[deploy.VersionError](err); ok {
		return status.Error(codes.InvalidArgument, version.Error())
	}
	switch {
	case errors.Is(err, deploy.ErrNoCanary):
		return status.Error(codes.InvalidArgument, err.Error())
	case errors.Is(err, fleet.ErrDeploying), errors.Is(err, fleet.ErrRestarting), errors.Is(err, deploy.ErrNoPrevious):
		return status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, deploy.ErrUnsupported):
		return status.Error(codes.Unimplemented, err.Error())
	case errors.Is(err, registry.ErrClosed):
		return errEnding
	case errors.Is(err, fleet.ErrMoved):
		return status.Error(codes.Unavailable, err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	default:
		return status.Error(codes.Aborted, err.Error())
	}
}

// phaseOf returns a phase as the service has it.
func phaseOf(p deploy.Phase) dynlbv1.DeployPhase {
	switch p {
	case deploy.Starting:
		return dynlbv1.DeployPhase_DEPLOY_PHASE_STARTING
	case deploy.Canary:
		return dynlbv1.DeployPhase_DEPLOY_PHASE_CANARY
	case deploy.Shifting:
		return dynlbv1.DeployPhase_DEPLOY_PHASE_SHIFTING
	case deploy.Done:
		return dynlbv1.DeployPhase_DEPLOY_PHASE_DONE
	}
	return dynlbv1.DeployPhase_DEPLOY_PHASE_UNSPECIFIED
}

// deployOf returns the deploy in progress, nil if there is none.
func deployOf(d *notice.Deploy) *dynlbv1.DeployState {
	if d.Phase == 0 {
		return nil
	}
	return &dynlbv1.DeployState{
		Version: text(d.Version), Phase: phaseOf(deploy.Phase(d.Phase)), Share: d.Share, CanaryEndTime: timestamp(d.Until),
		CanaryRequests: d.Requests, OtherRequests: d.Others, MinRequests: int32(d.MinRequests), Outlook: text(d.Outlook),
	}
}
