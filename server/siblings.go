package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/sibling"
)

// Siblings are the other dynlbs in front of the instances of an app. It must be safe for
// concurrent use.
type Siblings interface {
	// On reports whether there may be any.
	On() bool
	// Feed sends what this dynlb has, until ctx ends or send fails. The error is
	// sibling.ErrNone if the app can have no siblings, and sibling.ErrClosed when it has
	// none any more.
	Feed(ctx context.Context, send func(*dynlbv1.WatchReportsResponse) error) error
	// Client returns the control service of a sibling; ok is false if it is not reached.
	Client(id string) (client dynlbv1.ControlClient, ok bool)
}

const (
	// maxSiblings is how many streams of reports there may be at a time.
	maxSiblings = 64
	// orderWait is how long an order waits for a sibling that scales. When the one that
	// did was killed, another one takes over within 24 s.
	orderWait = 30 * time.Second
	// orderRetry is the time between two attempts, and orderTimeout bounds one.
	orderRetry, orderTimeout = 250 * time.Millisecond, 2 * time.Second
	// targetWait is how long the answer to an order waits until this dynlb knows the new
	// target, too.
	targetWait = time.Second
)

// siblings implements the Siblings service.
type siblings struct {
	dynlbv1.UnimplementedSiblingsServer
	apps    *directory
	readers chan struct{} // holds one value per stream
}

// WatchReports sends what this dynlb has of an app.
func (s *siblings) WatchReports(req *dynlbv1.WatchReportsRequest, stream grpc.ServerStreamingServer[dynlbv1.WatchReportsResponse]) error {
	app, err := s.apps.find(req.GetApp())
	if err != nil {
		return err
	}
	if app.Siblings == nil {
		return status.Error(codes.FailedPrecondition, sibling.ErrNone.Error())
	}
	select {
	case s.readers <- struct{}{}:
		defer func() { <-s.readers }()
	default:
		return status.Errorf(codes.ResourceExhausted, "there are %d siblings already, which is the maximum", maxSiblings)
	}
	switch err := app.Siblings.Feed(stream.Context(), stream.Send); {
	case errors.Is(err, sibling.ErrNone):
		return status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, sibling.ErrClosed):
		return errEnding
	default:
		return err
	}
}

// passedKey is the metadata of a call that a sibling has passed on: which client made it.
const passedKey = "dynlb-passed-on-bin" //nolint:gosec // it is no secret

// passedOn reports whether a sibling has passed the call on. It goes no further then.
func passedOn(ctx context.Context) bool {
	return len(metadata.ValueFromIncomingContext(ctx, passedKey)) > 0
}

// originOf names the client of a call, and the sibling that has passed it on if one has.
func originOf(ctx context.Context) string {
	for _, name := range metadata.ValueFromIncomingContext(ctx, passedKey) {
		return fmt.Sprintf("%s by way of %s", oneLine(name), peerOf(ctx))
	}
	return peerOf(ctx)
}

// scaleAnywhere has the sibling carry out a ScaleTo that scales. scale does it here, which is
// tried first each time: this dynlb may have become that one. A target is absolute, so an
// order that is carried out twice does no harm.
func (c *control) scaleAnywhere(ctx context.Context, app *App, req *dynlbv1.ScaleToRequest, scale func() (*dynlbv1.ScaleToResponse, error)) (*dynlbv1.ScaleToResponse, error) {
	give := time.NewTimer(orderWait)
	defer give.Stop()
	retry := time.NewTimer(0)
	defer retry.Stop()
	var last error
	for {
		select {
		case <-retry.C:
		case <-give.C:
			return nil, last
		case <-ctx.Done():
			return nil, last
		}
		out, err := scale()
		var steered *notice.SteeredError
		if err == nil || !errors.As(err, &steered) || !steered.Sibling {
			if err != nil {
				err = scaleError(err)
			}
			return out, err
		}
		last = scaleError(err)
		if client, reached := app.Siblings.Client(steered.By); reached {
			out, err = c.passOn(ctx, app, req, client, steered.By)
			switch status.Code(err) {
			case codes.OK:
				awaitTarget(ctx, app.Board, int(out.GetNewTarget()))
				return out, nil
			case codes.Unavailable, codes.FailedPrecondition, codes.DeadlineExceeded:
				last = err // it is gone, or does not scale any more
			default:
				return nil, err
			}
		}
		retry.Reset(orderRetry)
	}
}

// passOn calls the ScaleTo of a sibling.
func (c *control) passOn(ctx context.Context, app *App, req *dynlbv1.ScaleToRequest, client dynlbv1.ControlClient, to string) (*dynlbv1.ScaleToResponse, error) {
	from := peerOf(ctx)
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(ctx, passedKey, from), orderTimeout)
	defer cancel()
	out, err := client.ScaleTo(ctx, &dynlbv1.ScaleToRequest{App: app.Name, Target: req.Target, Hold: req.GetHold()})
	c.log.Info("ScaleTo passed on", "peer", from, "to", to, "new", req.GetTarget(), "error", err, "app", app.Name)
	return out, err
}

// awaitTarget waits until the board shows a target, for a while.
func awaitTarget(ctx context.Context, board *notice.Board, n int) {
	ctx, cancel := context.WithTimeout(ctx, targetWait)
	defer cancel()
	changed, stop := board.Watch()
	defer stop()
	for board.Snapshot().Target != n {
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
