package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/top"
)

// topFeed reads what top shows of a dynlb. A panic in one of its goroutines is a message:
// the terminal must be restored first.
type topFeed struct {
	options  *options
	off      bool            // end with dynlb
	ctx      context.Context //nolint:containedctx // it ends the goroutines that keys start
	cancel   context.CancelFunc
	messages chan tea.Msg
	running  sync.WaitGroup
	closed   atomic.Bool // the terminal is gone
	stopLog  context.CancelFunc
}

// fedMessage is a message of a feed.
type fedMessage struct{ tea.Msg }

const (
	// topTick is the time from one figure of a sparkline to the next.
	topTick = time.Second
	// settleTime is how long an instance is selected until its log is read: a held key
	// runs through many.
	settleTime = 150 * time.Millisecond
	// topTail and topExits are how much of the past is read.
	topTail  = 200
	topExits = 20
)

func newTopFeed(ctx context.Context, o *options, off bool) *topFeed {
	f := &topFeed{options: o, off: off, messages: make(chan tea.Msg), stopLog: func() {}}
	f.ctx, f.cancel = context.WithCancel(ctx)
	return f
}

// start begins to read.
func (f *topFeed) start() {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	f.run(func() error {
		defer signal.Stop(hangup)
		return f.tick(hangup)
	})
	f.run(f.watch)
}

// stop ends all goroutines and waits for them.
func (f *topFeed) stop() {
	f.cancel()
	f.running.Wait()
}

// run runs a part in a goroutine. Its error, and a panic, end top.
func (f *topFeed) run(part func() error) {
	f.running.Go(func() { // ends with f.ctx
		defer func() {
			if cause := recover(); cause != nil {
				f.send(top.Failure{Err: fmt.Errorf("top failed: %v", cause)})
			}
		}()
		if err := part(); err != nil {
			f.send(top.Failure{Err: err})
		}
	})
}

// send passes a message on, unless the feed has ended.
func (f *topFeed) send(msg tea.Msg) {
	select {
	case f.messages <- msg:
	case <-f.ctx.Done():
	}
}

// next is the command that returns the next message.
func (f *topFeed) next() tea.Msg {
	select {
	case msg := <-f.messages:
		return fedMessage{msg}
	case <-f.ctx.Done():
		return nil
	}
}

// tick sends the time once a second, and that the terminal is gone.
func (f *topFeed) tick(hangup <-chan os.Signal) error {
	tick := time.NewTicker(topTick)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			f.send(top.Tick(now))
		case <-hangup:
			f.closed.Store(true)
			f.send(top.Closed{})
		case <-f.ctx.Done():
			return nil
		}
	}
}

// watch sends the state of all apps, also of a dynlb that comes after this one.
func (f *topFeed) watch() error {
	var resume resumption
	past := map[string]bool{}
	following := follower{options: f.options, off: f.off, reached: true, tell: func(lost bool, reason string) {
		resume.connection(lost)
		f.send(top.Connection{Lost: lost, Reason: reason})
	}}
	return following.run(f.ctx, func(ctx context.Context, r *remote, received func()) error {
		names, err := r.appNames(ctx, "")
		if err != nil {
			return err
		}
		f.send(top.Apps(names))
		for _, name := range names {
			if !past[name] {
				f.sendPast(ctx, r, name)
				past[name] = true
			}
		}
		return r.watchAll(ctx, names, &resume, func(app string, m *dynlbv1.WatchInstancesResponse) error {
			received()
			f.send(top.State{App: app, Response: m})
			return nil
		})
	})
}

// sendPast sends the last exits of an app. Without a history there are none.
func (f *topFeed) sendPast(ctx context.Context, r *remote, app string) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	page, err := r.ListEvents(ctx, &dynlbv1.ListEventsRequest{
		App: app, Types: []dynlbv1.EventType{dynlbv1.EventType_EVENT_TYPE_EXITED}, PageSize: topExits, NewestFirst: true,
	})
	if err != nil {
		return
	}
	slices.Reverse(page.GetEvents())
	f.send(top.Past{App: app, Exits: page.GetEvents()})
}

// followLog follows the log of an instance, in place of the one before.
func (f *topFeed) followLog(app, instance string) {
	f.stopLog()
	var ctx context.Context
	ctx, f.stopLog = context.WithCancel(f.ctx)
	if instance != "" {
		f.run(func() error { f.readLog(ctx, app, instance); return nil })
	}
}

// readLog sends the log of an instance until ctx ends, and the error as its last line.
func (f *topFeed) readLog(ctx context.Context, app, instance string) {
	if !sleep(ctx, settleTime) {
		return
	}
	var place logPlace
	request := &dynlbv1.StreamLogsRequest{App: app, InstanceId: instance, Follow: true, Tail: new(int32(topTail))}
	following := follower{options: f.options, tell: func(bool, string) {}}
	err := following.run(ctx, func(ctx context.Context, r *remote, received func()) error {
		stream, err := r.StreamLogs(ctx, place.resume(request))
		for err == nil {
			var m *dynlbv1.StreamLogsResponse
			if m, err = stream.Recv(); err == nil {
				received()
				f.send(top.Log{Instance: instance, Lines: place.pass(m.GetLines())})
			}
		}
		return err
	})
	if err != nil {
		f.send(top.Log{Instance: instance, Lines: []*dynlbv1.LogLine{{Text: err.Error(), Level: "error"}}})
	}
}
