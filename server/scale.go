package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// maxHold is the longest hold of a ScaleTo.
const maxHold = 24 * time.Hour

// ScaleTo sets the target of an app, and logs which client did.
func (c *control) ScaleTo(ctx context.Context, req *dynlbv1.ScaleToRequest) (*dynlbv1.ScaleToResponse, error) {
	app, err := c.apps.find(req.GetApp())
	if err != nil {
		return nil, err
	}
	if req.Target == nil {
		return nil, status.Error(codes.InvalidArgument, "target is missing: it says how many instances there should be")
	}
	hold, err := holdOf(req)
	if err != nil {
		return nil, err
	}
	from, target := originOf(ctx), int(req.GetTarget())
	scale := func() (*dynlbv1.ScaleToResponse, error) {
		reason := fmt.Sprintf("order from %s: %d -> %d", from, app.Board.Snapshot().Target, target)
		if hold > 0 {
			reason += fmt.Sprintf(", held for %v", hold)
		}
		old, err := app.Scaler.ScaleTo(ctx, target, hold, reason)
		if err != nil {
			return nil, err
		}
		c.log.Info("ScaleTo", "peer", from, "old", old, "new", target, "hold", hold, "app", app.Name)
		return &dynlbv1.ScaleToResponse{OldTarget: int32(old), NewTarget: int32(target), App: app.Name}, nil
	}
	if app.Siblings != nil && app.Siblings.On() && !passedOn(ctx) {
		return c.scaleAnywhere(ctx, app, req, scale)
	}
	out, err := scale()
	if err != nil {
		return nil, scaleError(err)
	}
	return out, nil
}

// holdOf returns the hold of a request; 0 if it has none.
func holdOf(req *dynlbv1.ScaleToRequest) (time.Duration, error) {
	if req.GetHold() == nil {
		return 0, nil
	}
	hold := req.GetHold().AsDuration() // saturates
	if hold < 0 || hold > maxHold || !req.GetHold().IsValid() {
		return 0, status.Errorf(codes.InvalidArgument, "hold %v is outside [0s, %v]", hold, maxHold)
	}
	return hold, nil
}

// scaleError turns the error of a Scaler into one of the service.
func scaleError(err error) error {
	var bounds *notice.BoundsError
	var steered *notice.SteeredError
	switch {
	case errors.As(err, &steered):
		return status.Error(codes.FailedPrecondition, steered.Error())
	case errors.As(err, &bounds):
		return status.Error(codes.InvalidArgument, bounds.Error())
	case errors.Is(err, registry.ErrClosed):
		return errEnding
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	default:
		return status.Error(codes.Internal, err.Error())
	}
}
