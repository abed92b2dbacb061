package server

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

const (
	// maxWatchers is the maximum number of watchers, over gRPC and HTTP together.
	maxWatchers = 64

	// The bounds of the time between two messages to a watcher, and its default.
	minWatchInterval     = 10 * time.Millisecond
	maxWatchInterval     = time.Hour
	defaultWatchInterval = 250 * time.Millisecond

	// settle is the time from a change to the look at the state. Changes that belong
	// together, such as a new target and the starts that it causes, then arrive in
	// one message, and a thousand changes a second do not cost a thousand snapshots.
	settle = minWatchInterval
)

// WatchInstances sends the state at once, and again whenever it has changed and the
// interval since the previous message is over. It takes each snapshot when it can
// send it, so a slow reader has no backlog.
func (c *control) WatchInstances(req *dynlbv1.WatchInstancesRequest, stream grpc.ServerStreamingServer[dynlbv1.WatchInstancesResponse]) error {
	app, err := c.apps.find(req.GetApp())
	if err != nil {
		return err
	}
	interval, err := intervalOf(req)
	if err != nil {
		return err
	}
	select {
	case c.watchers <- struct{}{}:
		defer func() { <-c.watchers }()
	default:
		return status.Errorf(codes.ResourceExhausted, "there are %d watchers already, which is the maximum", maxWatchers)
	}

	ctx := stream.Context()
	changed, stop := app.Board.Watch()
	defer stop()
	w := watcher{control: c, app: app}
	for message := w.first(req.GetResumeAfter()); ; {
		if err := stream.Send(message); err != nil {
			return err
		}
		if err := sleep(ctx, interval); err != nil {
			return err
		}
		if message, err = w.next(ctx, changed, interval); err != nil {
			return err
		}
	}
}

// intervalOf returns the minimum time between two messages.
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

// watcher is one watch of an app, and the last state that it was sent.
type watcher struct {
	control *control
	app     *App
	pool    *dynlbv1.Pool // as last sent
	event   uint64        // sequence number of the first event that was not sent
}

// maxResumed is how many events the first message has at most.
const maxResumed = 1000

// first returns the whole state, and the events after a sequence number unless that is 0.
func (w *watcher) first(after uint64) *dynlbv1.WatchInstancesResponse {
	if after == 0 {
		now := w.app.Board.Snapshot()
		w.pool, w.event = w.control.pool(w.app, &now), now.NextEvent
		return &dynlbv1.WatchInstancesResponse{Pool: w.pool, Time: timestamp(now.Time)}
	}
	now, events, whole := w.app.Board.After(after)
	w.pool, w.event = w.control.pool(w.app, &now), now.NextEvent
	m := &dynlbv1.WatchInstancesResponse{Pool: w.pool, Events: eventsOf(w.app.Name, events), Time: timestamp(now.Time)}
	if !whole {
		w.completeFirst(m, after)
	}
	return m
}

// completeFirst adds the events before those of the journal, as far as they were kept.
func (w *watcher) completeFirst(m *dynlbv1.WatchInstancesResponse, after uint64) {
	if w.control.history == nil {
		m.EventsIncomplete = true
		return
	}
	earlier, whole, err := w.control.history.EventsAfter(w.app.Name, after, maxResumed)
	m.EventsIncomplete = err != nil || !whole
	if len(m.Events) > 0 { // the newest may be in both
		begin := m.Events[0].GetSequence()
		for n := len(earlier); n > 0 && earlier[n-1].GetSequence() >= begin; n-- {
			earlier = earlier[:n-1]
		}
	}
	m.Events = append(earlier, m.Events...)
	if n := len(m.Events) - maxResumed; n > 0 {
		m.Events, m.EventsIncomplete = m.Events[n:], true
	}
}

// next waits for a state that differs from the last one, and returns it. Traffic is
// not announced, so next also compares once per interval.
func (w *watcher) next(ctx context.Context, changed <-chan struct{}, interval time.Duration) (*dynlbv1.WatchInstancesResponse, error) {
	for {
		if !w.control.apps.has(w.app) {
			return nil, status.Errorf(codes.NotFound, "app %s was removed", w.app.Name)
		}
		if message := w.look(); message != nil {
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

// look returns the state and the events since the last one, or nil when nothing has
// changed.
func (w *watcher) look() *dynlbv1.WatchInstancesResponse {
	now, events, lost := w.app.Board.Since(w.event)
	pool := w.control.pool(w.app, &now)
	if len(events) == 0 && lost == 0 && proto.Equal(pool, w.pool) {
		return nil
	}
	w.pool, w.event = pool, now.NextEvent
	return &dynlbv1.WatchInstancesResponse{Pool: pool, Events: eventsOf(w.app.Name, events), EventsDropped: lost, Time: timestamp(now.Time)}
}

// sleep waits for d, or returns the error of a ctx that ends before.
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
