package server

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// maxSurge is the maximum number of instances beyond the target in a restart.
const maxSurge = 100

// RestartInstances restarts the instances of an app, and logs which client did.
func (c *control) RestartInstances(req *dynlbv1.RestartInstancesRequest, stream grpc.ServerStreamingServer[dynlbv1.RestartInstancesResponse]) error {
	app, err := c.apps.find(req.GetApp())
	if err != nil {
		return err
	}
	surge := max(1, int(req.GetMaxSurge()))
	if req.GetMaxSurge() < 0 || surge > maxSurge {
		return status.Errorf(codes.InvalidArgument, "max_surge %d is outside [1, %d]", req.GetMaxSurge(), maxSurge)
	}
	from := peerOf(stream.Context())
	c.log.Info("RestartInstances", "peer", from, "maxSurge", surge, "app", app.Name)
	err = app.Restarter.Restart(stream.Context(), surge, "RestartInstances from "+from, func(replaced, total int) {
		// Send fails when the client has left. Then the stream's context has ended.
		_ = stream.Send(&dynlbv1.RestartInstancesResponse{Replaced: int32(replaced), Total: int32(total), App: app.Name})
	})
	return restartError(err)
}

// restartError turns the error of a Restarter into one of the service.
func restartError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fleet.ErrRestarting), errors.Is(err, fleet.ErrDeploying):
		return status.Error(codes.FailedPrecondition, err.Error())
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
