package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// maxHold is the longest that ScaleTo may hold the target.
const maxHold = 24 * time.Hour

// peerKey is the metadata in which the gateway names the client it speaks for.
// What ends in -bin may hold more than ASCII.
const peerKey = "dynlb-peer-bin"

// control implements the Control service.
type control struct {
	dynlbv1.UnimplementedControlServer
	board     *notice.Board
	scaler    Scaler
	restarter Restarter
	log       *slog.Logger
	places    chan struct{} // one for each watcher there is
}

func newControl(options Options, log *slog.Logger) *control {
	return &control{
		board:     options.Board,
		scaler:    options.Scaler,
		restarter: options.Restarter,
		log:       log,
		places:    make(chan struct{}, maxWatchers),
	}
}

// GetStatus returns the pool as it is now.
func (c *control) GetStatus(context.Context, *dynlbv1.GetStatusRequest) (*dynlbv1.GetStatusResponse, error) {
	now := c.board.Snapshot()
	return &dynlbv1.GetStatusResponse{LbStatus: lbStatusOf(&now), Pool: poolOf(&now)}, nil
}

// ScaleTo sets the target, and leaves a line in the log about who did.
func (c *control) ScaleTo(ctx context.Context, req *dynlbv1.ScaleToRequest) (*dynlbv1.ScaleToResponse, error) {
	if req.Target == nil {
		return nil, status.Error(codes.InvalidArgument, "target is missing: it says how many instances there should be")
	}
	hold, err := holdOf(req)
	if err != nil {
		return nil, err
	}
	from, target := peerOf(ctx), int(req.GetTarget())
	reason := fmt.Sprintf("ScaleTo from %s: %d -> %d", from, c.board.Snapshot().Target, target)
	if hold > 0 {
		reason += fmt.Sprintf(", held for %v", hold)
	}
	old, err := c.scaler.ScaleTo(ctx, target, hold, reason)
	if err != nil {
		return nil, scaleError(err)
	}
	c.log.Info("ScaleTo", "peer", from, "old", old, "new", target, "hold", hold)
	return &dynlbv1.ScaleToResponse{OldTarget: int32(old), NewTarget: int32(target)}, nil
}

// holdOf returns how long the target is to be held.
func holdOf(req *dynlbv1.ScaleToRequest) (time.Duration, error) {
	if req.GetHold() == nil {
		return 0, nil
	}
	hold := req.GetHold().AsDuration() // what is out of a Duration's range becomes its end
	if hold < 0 || hold > maxHold || !req.GetHold().IsValid() {
		return 0, status.Errorf(codes.InvalidArgument, "hold %v is outside [0s, %v]", hold, maxHold)
	}
	return hold, nil
}

// scaleError makes the error of a Scaler one of the service.
func scaleError(err error) error {
	var bounds *notice.BoundsError
	switch {
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

// peerOf names the client: the HTTP client when the gateway calls. Only the
// gateway comes by the pipe, so no one else can name a peer.
func peerOf(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "unknown"
	}
	if p.Addr.Network() != pipeNetwork {
		return peerName(p.Addr.String(), tlsStateOf(ctx))
	}
	for _, name := range metadata.ValueFromIncomingContext(ctx, peerKey) {
		return name
	}
	return "unknown"
}

// peerName names a client by its address and, if it has one, its certificate.
func peerName(address string, state *tls.ConnectionState) string {
	if subject := subjectOf(state); subject != "" {
		return fmt.Sprintf("%s (%s)", address, subject)
	}
	return address
}
