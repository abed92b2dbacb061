package server

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

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
// interval since the previous message is over. It looks at the state when it can send it,
// so a slow reader has no backlog.
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

	changed, stop := app.Board.Watch()
	defer stop()
	feed, leave := c.feeds.open(c, app)
	defer leave()
	w := watcher{feed: feed, interval: interval, changed: changed}
	for message := w.first(req.GetResumeAfter()); ; {
		if err := stream.SendMsg(message); err != nil {
			return err
		}
		if message, err = w.next(stream.Context()); err != nil {
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

// watcher is one watch of an app, and what it was sent last.
type watcher struct {
	feed     *feed
	interval time.Duration
	changed  <-chan struct{}
	at       time.Time // when it last looked
	version  uint64    // of the state
	event    uint64    // number of the first event that was not sent
}

// maxResumed is how many events the first message has at most.
const maxResumed = 1000

// first returns the whole state, and the events after a sequence number unless that is 0.
func (w *watcher) first(after uint64) *message {
	w.at = time.Now()
	f := w.feed.since(w.at)
	w.version, w.event = f.version, f.next
	if after == 0 {
		return f.message(f.next)
	}
	app := w.feed.app
	now, events, whole := app.Board.After(after)
	events = events[:max(0, len(events)-int(now.NextEvent-f.next))] // the others are of the next message
	m := &dynlbv1.WatchInstancesResponse{Pool: f.pool, Events: eventsOf(app.Name, events), Time: timestamp(f.at), LastSequence: f.last}
	if !whole {
		w.completeFirst(m, after)
	}
	return newMessage(m)
}

// completeFirst adds the events before those of the journal, as far as they were kept.
func (w *watcher) completeFirst(m *dynlbv1.WatchInstancesResponse, after uint64) {
	history := w.feed.control.history
	if history == nil {
		m.EventsIncomplete = true
		return
	}
	earlier, whole, err := history.EventsAfter(w.feed.app.Name, after, maxResumed)
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

// next waits until the interval is over and for a state that differs from the last one,
// and returns it. Traffic is not announced, so next also compares once per interval.
func (w *watcher) next(ctx context.Context) (*message, error) {
	due := w.due()
	if err := sleep(ctx, time.Until(due)); err != nil {
		return nil, err
	}
	for {
		if app := w.feed.app; !w.feed.control.apps.has(app) {
			return nil, status.Errorf(codes.NotFound, "app %s was removed", app.Name)
		}
		if message := w.look(due); message != nil {
			return message, nil
		}
		w.at = due
		tick := w.due()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Until(tick)):
			due = tick
		case <-w.changed:
			if err := sleep(ctx, settle); err != nil {
				return nil, err
			}
			due = time.Now().Add(-settle / 2) // so that watchers of the same change share a frame
		}
	}
}

// due returns when the watcher looks next: after the interval, and never in the past, at a
// moment that it shares with others.
func (w *watcher) due() time.Time {
	t := w.at.Add(w.interval)
	if now := time.Now(); t.Before(now) {
		t = now
	}
	return w.feed.round(t, w.interval/moments)
}

// look returns the state and the events since the last one, or nil when nothing has
// changed. The state is not from before due.
func (w *watcher) look(due time.Time) *message {
	f := w.feed.since(due)
	if f.version == w.version && f.next == w.event {
		return nil
	}
	m := f.message(w.event)
	w.at, w.version, w.event = due, f.version, f.next
	return m
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
