package server

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/registry"
)

// traffic has requests in flight change ten times a second until ctx ends.
func (p *plane) traffic(ctx context.Context, t *testing.T) {
	for ctx.Err() == nil {
		lease, err := p.registry.Acquire(ctx, registry.Preference{})
		if err != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
		lease.Release()
	}
}

// TestWatchersShareFrames: watchers with the same interval, whenever they began, take a few
// snapshots in an interval together, and not one each.
func TestWatchersShareFrames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := startInBubble(t)
		p.add(t, 5001, registry.Ready)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var load, watchers sync.WaitGroup
		load.Go(func() { p.traffic(ctx, t) })
		var mu sync.Mutex
		sent, states := 0, map[time.Time]bool{} // messages, and the times of their states
		for i := range 50 {
			watchers.Go(func() {
				time.Sleep(time.Duration(i) * 37 * time.Millisecond)
				for _, m := range p.watch(ctx, t, 1000, 0).messages {
					mu.Lock()
					sent++
					states[m.GetTime().AsTime()] = true
					mu.Unlock()
				}
			})
		}
		watchers.Wait()
		cancel()
		load.Wait()
		if limit := 50 + moments*60*4 + 10; len(states) > limit || sent < 50*4*50 {
			t.Errorf("%d messages have %d states, want no more than %d", sent, len(states), limit)
		}
		p.stop(t)
	})
}

// TestFrameIsTakenOnce: those that look at one moment get one frame, with one message for all
// that have seen the same events, and later ones get another frame.
func TestFrameIsTakenOnce(t *testing.T) {
	t.Parallel()
	a := newApp("shop")
	app := a.app()
	c := newControl(new(directory), &Options{Metrics: NewMetrics([]App{app})}, nil)
	f, leave := c.feeds.open(c, &app)
	defer leave()
	now := time.Now()
	first := f.since(now)
	a.board.SetTrouble("boom")
	second := f.since(now)
	if second != first || first.message(0) != second.message(0) || first.message(0) == first.message(first.next) {
		t.Error("those that look at one moment get different frames or messages")
	}
	later := f.since(time.Now())
	if later == first || later.version == first.version || later.next != first.next+1 {
		t.Errorf("later: version %d after %d, next %d after %d", later.version, first.version, later.next, first.next)
	}
	if again, _ := c.feeds.open(c, &app); again != f {
		t.Error("an app that is watched has two feeds")
	}
}

// TestThousandEventsASecond: fifty watchers, over gRPC and HTTP, miss none.
func TestThousandEventsASecond(t *testing.T) {
	t.Parallel()
	const events, watchers = 3000, 50
	synctest.Test(t, func(t *testing.T) {
		p := startInBubble(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var running sync.WaitGroup
		for i := range watchers {
			running.Go(func() {
				receive := p.receiver(ctx, t, i%10 == 0)
				for next := 0; next < events; {
					message := receive()
					for _, e := range message.GetEvents() {
						if e.GetReason() != fmt.Sprint(next) {
							t.Errorf("watcher %d got event %s, want %d", i, e.GetReason(), next)
							return
						}
						next++
					}
					if message.GetEventsDropped() != 0 {
						t.Errorf("watcher %d lost %d events", i, message.GetEventsDropped())
						return
					}
				}
			})
		}
		time.Sleep(time.Second)
		for i := range events {
			p.board.SetTrouble(fmt.Sprint(i))
			time.Sleep(time.Millisecond)
		}
		running.Wait()
		cancel()
		p.stop(t)
	})
}

// receiver returns a function that returns the next message of a watch.
func (p *plane) receiver(ctx context.Context, t *testing.T, overHTTP bool) func() *dynlbv1.WatchInstancesResponse {
	if overHTTP {
		lines := p.watchHTTP(ctx, t)
		return func() *dynlbv1.WatchInstancesResponse { return nextLine(t, lines) }
	}
	stream, err := p.client.WatchInstances(ctx, &dynlbv1.WatchInstancesRequest{})
	if err != nil {
		t.Error(err)
	}
	return func() *dynlbv1.WatchInstancesResponse {
		message, err := stream.Recv()
		if err != nil {
			t.Error(err)
		}
		return message
	}
}

// TestMessageIsEncodedOnce: what several clients get is what each would have got alone.
func TestMessageIsEncodedOnce(t *testing.T) {
	t.Parallel()
	m := &dynlbv1.WatchInstancesResponse{Pool: &dynlbv1.Pool{App: "shop", Target: 3}}
	shared := newMessage(m)
	var first []byte
	for range 2 {
		data, err := newCodec().Marshal(shared)
		if err != nil {
			t.Fatal(err)
		}
		got := new(dynlbv1.WatchInstancesResponse)
		if err := newCodec().Unmarshal(data, got); err != nil || !proto.Equal(got, m) {
			t.Errorf("decoded %v, %v", got, err)
		}
		raw := data[0].ReadOnlyData()
		if len(first) > 0 && &first[0] != &raw[0] {
			t.Error("it was encoded again")
		}
		first = raw
		data.Free()
	}
}
