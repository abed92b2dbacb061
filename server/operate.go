package server

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// Operator stops dynlb, and has it read its config again. It must be safe for concurrent
// use.
type Operator interface {
	// PID returns the process id of dynlb, which ends last.
	PID() int
	// Stop begins to stop dynlb and returns how long that may take. With now it does not
	// wait for requests and instances.
	Stop(now bool) time.Duration
	// Reload loads the config and returns the path of its file when it is in force. The
	// error is an InvalidConfigError, fleet.ErrSuperseded, registry.ErrClosed during a
	// shutdown, or why the config could not be put in force. When ctx ends it returns and
	// the reload continues.
	Reload(ctx context.Context, reason string) (path string, err error)
}

// InvalidConfigError reports a config that has to be changed.
type InvalidConfigError struct{ Err error }

// Error returns the reason.
func (e InvalidConfigError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e InvalidConfigError) Unwrap() error { return e.Err }

// Reload has dynlb read its config again, and logs which client did.
func (c *control) Reload(ctx context.Context, _ *dynlbv1.ReloadRequest) (*dynlbv1.ReloadResponse, error) {
	if c.operator == nil {
		return nil, status.Error(codes.Unimplemented, "this dynlb reads no config again")
	}
	from := peerOf(ctx)
	c.log.Info("Reload", "peer", from)
	path, err := c.operator.Reload(ctx, "Reload from "+from)
	if err != nil {
		return nil, reloadError(err)
	}
	return &dynlbv1.ReloadResponse{Path: path}, nil
}

// reloadError turns the error of a reload into one of the service.
func reloadError(err error) error {
	var invalid InvalidConfigError
	switch {
	case errors.As(err, &invalid):
		return status.Error(codes.InvalidArgument, err.Error())
	case errors.Is(err, registry.ErrClosed):
		return errEnding
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	case errors.Is(err, fleet.ErrSuperseded):
		return status.Error(codes.Aborted, "a later reload, of another config, has taken the place of this one")
	case errors.Is(err, fleet.ErrDeploying):
		return status.Error(codes.FailedPrecondition, err.Error()+"; the config is read again when it has ended")
	default:
		return status.Error(codes.FailedPrecondition, err.Error())
	}
}

// Stop begins to stop dynlb, and logs which client did.
func (c *control) Stop(ctx context.Context, req *dynlbv1.StopRequest) (*dynlbv1.StopResponse, error) {
	if c.operator == nil {
		return nil, status.Error(codes.Unimplemented, "this dynlb cannot be stopped here")
	}
	c.log.Info("Stop", "peer", peerOf(ctx), "now", req.GetNow())
	return &dynlbv1.StopResponse{Pid: int64(c.operator.PID()), Timeout: durationpb.New(c.operator.Stop(req.GetNow()))}, nil
}
