package server

import (
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/notice"
)

// moments is how many moments of an interval there are at which watchers look. More would
// have fewer of them share a snapshot, and fewer would have each wait longer: by up to this
// part of its interval, once.
const moments = 2

// feed takes the state of an app for all its watchers. Watchers with the same interval
// look at the same moments, so they share one snapshot, and its encoded form: what a
// watcher costs is its wake-up and its write. It is safe for concurrent use.
type feed struct {
	control *control
	app     *App
	epoch   time.Time // the moments are counted from here on

	mu   sync.Mutex
	last *frame // nil before the first one
}

// feeds has the feed of each app that is watched.
type feeds struct {
	mu  sync.Mutex
	all map[*notice.Board]*shared
}

// shared is a feed and the number of its watchers.
type shared struct {
	feed     *feed
	watchers int
}

// open returns the feed of an app. Call leave when done with it.
func (f *feeds) open(c *control, app *App) (one *feed, leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.all[app.Board]
	if s == nil {
		s = &shared{feed: &feed{control: c, app: app, epoch: time.Now()}}
		f.all[app.Board] = s
	}
	s.watchers++
	return s.feed, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		s.watchers--
		if s.watchers == 0 {
			delete(f.all, app.Board)
		}
	}
}

// round returns the first of the moments, which are step apart, that is not before t.
func (f *feed) round(t time.Time, step time.Duration) time.Time {
	return f.epoch.Add((t.Sub(f.epoch) + step - 1).Truncate(step))
}

// since returns a frame that was not taken before t.
func (f *feed) since(t time.Time) *frame {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil || f.last.taken.Before(t) {
		f.last = f.take(f.last)
	}
	return f.last
}

// take takes a frame.
func (f *feed) take(before *frame) *frame {
	taken := time.Now()
	now := f.app.Board.Snapshot()
	out := &frame{feed: f, taken: taken, at: now.Time, pool: f.control.pool(f.app, &now), next: now.NextEvent, last: now.LastEvent, messages: map[uint64]*message{}}
	switch {
	case before == nil:
		out.version = 1
	case proto.Equal(before.pool, out.pool):
		out.version = before.version
	default:
		out.version = before.version + 1
	}
	return out
}

// frame is the state of an app at one moment.
type frame struct {
	feed    *feed
	taken   time.Time
	at      time.Time // of the snapshot
	pool    *dynlbv1.Pool
	version uint64 // differs from that of the frame before if pool does
	next    uint64 // number of the first event after it in the journal
	last    uint64 // sequence number of the last event before it

	mu       sync.Mutex
	messages map[uint64]*message // by the number of the first event
}

// message returns the state and the events from number first on.
func (f *frame) message(first uint64) *message {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.messages[first]
	if m == nil {
		events, lost, _ := f.feed.app.Board.Events(first)
		events, lost = f.until(events, first, lost)
		m = newMessage(&dynlbv1.WatchInstancesResponse{
			Pool: f.pool, Events: eventsOf(f.feed.app.Name, events), EventsDropped: lost, Time: timestamp(f.at), LastSequence: f.last,
		})
		f.messages[first] = m
	}
	return m
}

// until returns those of the events that are not after the frame. The first one would be
// number first if lost others were not missing.
func (f *frame) until(events []notice.Event, first, lost uint64) ([]notice.Event, uint64) {
	all := f.next - first
	lost = min(lost, all)
	return events[:min(uint64(len(events)), all-lost)], lost
}
