package server

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// DrainInstance replaces an instance of an app, and logs which client did.
func (c *control) DrainInstance(ctx context.Context, req *dynlbv1.DrainInstanceRequest) (*dynlbv1.DrainInstanceResponse, error) {
	app, err := c.apps.find(req.GetApp())
	if err != nil {
		return nil, err
	}
	if req.GetInstanceId() == "" {
		return nil, status.Error(codes.InvalidArgument, "instance_id is missing: it says which instance to drain")
	}
	from, id := peerOf(ctx), registry.ID(req.GetInstanceId())
	err = app.Restarter.Replace(id, "was drained by order from "+from)
	switch {
	case err == nil:
	case errors.Is(err, fleet.ErrNoInstance):
		return nil, status.Errorf(codes.NotFound, "app %s has no instance %q", app.Name, id)
	case errors.Is(err, fleet.ErrNotServing):
		return nil, status.Errorf(codes.FailedPrecondition, "instance %s is not in service: it starts or drains", id)
	case errors.Is(err, registry.ErrClosed):
		return nil, errEnding
	default:
		return nil, status.Error(codes.Internal, err.Error())
	}
	c.log.Info("DrainInstance", "peer", from, "instance", id, "app", app.Name)
	return &dynlbv1.DrainInstanceResponse{App: app.Name, InstanceId: string(id)}, nil
}
