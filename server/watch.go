package server

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/notice"
)

const (
	// maxWatchers is how many there may be at once, over gRPC and HTTP together.
	maxWatchers = 64

	// The bounds of the time between two messages, and its default.
	minWatchInterval     = 10 * time.Millisecond
	maxWatchInterval     = time.Hour
	defaultWatchInterval = 250 * time.Millisecond

	// settle is how long after an announced change the state is looked at: what
	// belongs together, such as a new target and the starts it leads to, comes
	// as one, and a change that is announced a thousand times a second is not
	// looked at a thousand times.
	settle = minWatchInterval
)

// WatchInstances sends the state at once, and again whenever it has changed,
// but never before the interval since the message before is over. What it sends
// is made when it can be sent, so that a slow reader has no backlog to read.
func (c *control) WatchInstances(req *dynlbv1.WatchInstancesRequest, stream grpc.ServerStreamingServer[dynlbv1.WatchInstancesResponse]) error {
	interval, err := intervalOf(req)
	if err != nil {
		return err
	}
	select {
	case c.places <- struct{}{}:
		defer func() { <-c.places }()
	default:
		return status.Errorf(codes.ResourceExhausted, "there are %d watchers already, the most there may be", maxWatchers)
	}

	ctx := stream.Context()
	changed, stop := c.board.Watch()
	defer stop()
	v := view{board: c.board}
	for message := v.first(); ; {
		if err := stream.Send(message); err != nil {
			return err
		}
		if err := sleep(ctx, interval); err != nil {
			return err
		}
		if message, err = v.next(ctx, changed, interval); err != nil {
			return err
		}
	}
}

// intervalOf returns the least time between two messages.
func intervalOf(req *dynlbv1.WatchInstancesRequest) (time.Duration, error) {
	if req.GetMinInterval() == nil {
		return defaultWatchInterval, nil
	}
	interval := req.GetMinInterval().AsDuration()
	if interval < minWatchInterval || interval > maxWatchInterval || !req.GetMinInterval().IsValid() {
		return 0, status.Errorf(codes.InvalidArgument, "min_interval %v is outside [%v, %v]", interval, minWatchInterval, maxWatchInterval)
	}
	return interval, nil
}

// view is what one watcher has seen.
type view struct {
	board *notice.Board
	pool  *dynlbv1.Pool // as last seen
	event uint64        // sequence number of the first event not seen
}

// first returns the whole state.
func (v *view) first() *dynlbv1.WatchInstancesResponse {
	now := v.board.Snapshot()
	v.pool, v.event = poolOf(&now), now.NextEvent
	return &dynlbv1.WatchInstancesResponse{Pool: v.pool}
}

// next waits until there is something to see that was not there before, and
// returns it. Requests come and go without an announcement, so it looks once
// in every interval too.
func (v *view) next(ctx context.Context, changed <-chan struct{}, interval time.Duration) (*dynlbv1.WatchInstancesResponse, error) {
	for {
		if message := v.look(); message != nil {
			return message, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(interval):
		case <-changed:
			if err := sleep(ctx, settle); err != nil {
				return nil, err
			}
		}
	}
}

// look returns the state and the new events, or nil when nothing is new.
func (v *view) look() *dynlbv1.WatchInstancesResponse {
	now, events, lost := v.board.Since(v.event)
	pool := poolOf(&now)
	if len(events) == 0 && lost == 0 && proto.Equal(pool, v.pool) {
		return nil
	}
	v.pool, v.event = pool, now.NextEvent
	return &dynlbv1.WatchInstancesResponse{Pool: pool, Events: eventsOf(events), EventsDropped: lost}
}

// sleep waits for d, or returns why ctx ended before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
