package server

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/registry"
)

// maxSurge is the most instances beyond the target that a restart may have.
const maxSurge = 100

// Restarter replaces the instances by new ones. It must be safe for concurrent
// use.
type Restarter interface {
	// Restart replaces all instances, with at most surge more than there should
	// be at a time, and tells progress how many of how many have been. It
	// returns when all have been, or why it went no further. When ctx ends it
	// returns, and the restart goes on. The error is registry.ErrRestarting
	// when a restart is under way, and registry.ErrClosed while shutting down.
	Restart(ctx context.Context, surge int, reason string, progress func(replaced, total int)) error
}

// RestartInstances restarts them, and leaves lines in the log about who did.
func (c *control) RestartInstances(req *dynlbv1.RestartInstancesRequest, stream grpc.ServerStreamingServer[dynlbv1.RestartInstancesResponse]) error {
	surge := max(1, int(req.GetMaxSurge()))
	if req.GetMaxSurge() < 0 || surge > maxSurge {
		return status.Errorf(codes.InvalidArgument, "max_surge %d is outside [1, %d]", req.GetMaxSurge(), maxSurge)
	}
	from := peerOf(stream.Context())
	c.log.Info("RestartInstances", "peer", from, "maxSurge", surge)
	err := c.restarter.Restart(stream.Context(), surge, "RestartInstances from "+from, func(replaced, total int) {
		// A caller that cannot be told has left, which ends the stream's context.
		_ = stream.Send(&dynlbv1.RestartInstancesResponse{Replaced: int32(replaced), Total: int32(total)})
	})
	return restartError(err)
}

// restartError makes the error of a Restarter one of the service.
func restartError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, registry.ErrRestarting):
		return status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, registry.ErrClosed):
		return errEnding
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	default:
		return status.Error(codes.Aborted, err.Error())
	}
}
