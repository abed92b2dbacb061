package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/registry"
)

// watching has the messages of a watch, and their times.
type watching struct {
	messages []*dynlbv1.WatchInstancesResponse
	times    []time.Duration // since the watch began
}

// watch collects messages until ctx ends or there are n.
func (p *plane) watch(ctx context.Context, t *testing.T, n int, interval time.Duration) *watching {
	t.Helper()
	req := &dynlbv1.WatchInstancesRequest{}
	if interval > 0 {
		req.MinInterval = durationpb.New(interval)
	}
	begin := time.Now()
	stream, err := p.client.WatchInstances(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	w := &watching{}
	for len(w.messages) < n {
		message, err := stream.Recv()
		if err != nil {
			return w
		}
		w.messages = append(w.messages, message)
		w.times = append(w.times, time.Since(begin))
	}
	return w
}

// floodWatchers changes the state, with large messages, for a virtual minute.
func floodWatchers(p *plane) {
	for i := range 6000 {
		p.board.SetTrouble(fmt.Sprintf("%d %s", i, strings.Repeat("x", 4096)))
		time.Sleep(minWatchInterval)
	}
	synctest.Wait()
}

func TestWatchSendsFirstAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := startInBubble(t)
		id := p.add(t, 5001, registry.Ready)
		w := p.watch(t.Context(), t, 1, 0)
		if w.times[0] != 0 {
			t.Errorf("first message came after %v", w.times[0])
		}
		first := w.messages[0]
		if len(first.GetEvents()) != 0 || len(first.GetPool().GetInstances()) != 1 || first.GetPool().GetInstances()[0].GetId() != string(id) {
			t.Errorf("first message is %v; want the whole state and no events", first)
		}
	})
}

func TestWatchCoalesces(t *testing.T) {
	t.Parallel()
	for _, interval := range []time.Duration{0, 2 * time.Second} {
		want := interval
		if want == 0 {
			want = 250 * time.Millisecond
		}
		t.Run(want.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := startInBubble(t)
				ctx, cancel := context.WithTimeout(t.Context(), 10*want)
				defer cancel()
				go func() {
					time.Sleep(want / 10)
					for port := range 4 { // eight events within the interval
						p.add(t, 5001+port, registry.Ready)
						time.Sleep(want / 10)
					}
				}()
				w := p.watch(ctx, t, 100, interval)
				if len(w.messages) != 2 {
					t.Fatalf("%d messages, at %v; want 2", len(w.messages), w.times)
				}
				if w.times[1] != want {
					t.Errorf("second message came after %v, want %v", w.times[1], want)
				}
				second := w.messages[1]
				if len(second.GetEvents()) != 8 || second.GetEventsDropped() != 0 || len(second.GetPool().GetInstances()) != 4 {
					t.Errorf("second message is %v; want all 8 events and 4 instances", second)
				}
			})
		})
	}
}

// TestWatchSendsChangeAtOnce: after a quiet time a change is sent at once, together
// with the changes that it causes.
func TestWatchSendsChangeAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := startInBubble(t)
		go func() {
			time.Sleep(time.Hour + 125*time.Millisecond)
			p.board.SetTarget(3, p.scaler.bounds, time.Time{}, "avg load 4.2 > 3 over 5s: 2 -> 3")
			time.Sleep(settle / 2)
			p.add(t, 5001)
		}()
		w := p.watch(t.Context(), t, 2, 0)
		if late := w.times[1] - time.Hour - 125*time.Millisecond; late > settle {
			t.Errorf("the change was sent %v late", late)
		}
		if events := w.messages[1].GetEvents(); len(events) != 2 ||
			events[0].GetType() != dynlbv1.EventType_EVENT_TYPE_SCALED || events[0].GetReason() != "avg load 4.2 > 3 over 5s: 2 -> 3" ||
			events[1].GetType() != dynlbv1.EventType_EVENT_TYPE_STARTING || events[1].GetInstanceId() == "" {
			t.Errorf("events are %v; want SCALED, STARTING", events)
		}
	})
}

// TestWatchSendsEventsOfUndoneChange: a change that is undone before the next message
// appears in its events.
func TestWatchSendsEventsOfUndoneChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := startInBubble(t)
		go func() {
			time.Sleep(time.Second + 125*time.Millisecond) // between two looks
			p.board.SetTarget(3, p.scaler.bounds, time.Time{}, "up")
			p.board.SetTarget(2, p.scaler.bounds, time.Time{}, "down")
		}()
		w := p.watch(t.Context(), t, 2, 0)
		if got := len(w.messages[1].GetEvents()); got != 2 {
			t.Errorf("%d events, want 2", got)
		}
	})
}

func TestWatchIsSilentWhenIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := startInBubble(t)
		p.add(t, 5001, registry.Ready)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if w := p.watch(ctx, t, 100, 0); len(w.messages) != 1 {
			t.Errorf("an idle app sent %d messages, at %v; want the first only", len(w.messages), w.times)
		}
	})
}

// TestWatchSendsTraffic: the watch sends changes of traffic, which the board does not
// announce.
func TestWatchSendsTraffic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := startInBubble(t)
		p.add(t, 5001, registry.Ready)
		go func() {
			time.Sleep(time.Minute + 10*time.Millisecond)
			lease, err := p.registry.Acquire(context.Background(), registry.Preference{})
			if err != nil {
				t.Error(err)
			}
			time.Sleep(time.Second)
			lease.Release()
		}()
		w := p.watch(t.Context(), t, 3, 0)
		for i, want := range []int32{0, 1, 0} {
			if got := w.messages[i].GetPool().GetInstances()[0].GetInFlight(); got != want {
				t.Errorf("message %d has %d in flight, want %d", i, got, want)
			}
		}
		if late := w.times[1] - time.Minute; late > 250*time.Millisecond {
			t.Errorf("the request was sent %v late", late)
		}
	})
}

func TestWatchCountsDroppedEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := startInBubble(t)
		go func() {
			time.Sleep(time.Second + 125*time.Millisecond) // between two looks
			for i := range 5000 {
				p.board.SetTrouble(fmt.Sprint(i))
			}
		}()
		second := p.watch(t.Context(), t, 2, 0).messages[1]
		if got := len(second.GetEvents()); got+int(second.GetEventsDropped()) != 5000 || second.GetEventsDropped() == 0 {
			t.Errorf("%d events and %d dropped, want 5000 together", got, second.GetEventsDropped())
		}
		if last := second.GetEvents()[len(second.GetEvents())-1]; last.GetReason() != "4999" {
			t.Errorf("last event is %v; want the latest", last)
		}
	})
}

// TestWatchSlowReaderGetsLatest: a client that does not read for a minute and 6000
// changes gets the messages in transit, and then the latest state.
func TestWatchSlowReaderGetsLatest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := startInBubble(t)
		stream, err := p.client.WatchInstances(t.Context(), &dynlbv1.WatchInstancesRequest{MinInterval: durationpb.New(minWatchInterval)})
		if err != nil {
			t.Fatal(err)
		}
		floodWatchers(p)
		for read := 1; ; read++ {
			message, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(message.GetPool().GetUnavailableReason(), "5999 ") {
				break
			}
			if read > 50 {
				t.Fatalf("after %d messages the reader is at %.20q; want 5999", read, message.GetPool().GetUnavailableReason())
			}
		}
	})
}

func TestWatchIntervalBounds(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, tt := range []struct {
		interval *durationpb.Duration
		ok       bool
	}{
		{nil, true},
		{durationpb.New(10 * time.Millisecond), true},
		{durationpb.New(time.Hour), true},
		{durationpb.New(0), false},
		{durationpb.New(10*time.Millisecond - 1), false},
		{durationpb.New(time.Hour + 1), false},
		{durationpb.New(-time.Second), false},
		{&durationpb.Duration{Seconds: 1, Nanos: -1}, false},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := p.client.WatchInstances(ctx, &dynlbv1.WatchInstancesRequest{MinInterval: tt.interval})
		if err == nil {
			_, err = stream.Recv()
		}
		cancel()
		if tt.ok && err != nil {
			t.Errorf("min_interval %v: %v", tt.interval, err)
		}
		if !tt.ok {
			wantCode(t, err, codes.InvalidArgument, "outside [10ms, 1h0m0s]")
		}
	}
	if resp, body := p.do(t, "GET", "/v1/instances:watch?minInterval=1ms", ""); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("minInterval=1ms: %s %s, want 400", resp.Status, body)
	}
}

// TestWatchTime: each message has the time of its state.
func TestWatchTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := startInBubble(t)
		begin := time.Now()
		go func() { // ends before the watch
			time.Sleep(time.Minute)
			p.board.SetTrouble("test")
		}()
		for i, message := range p.watch(t.Context(), t, 2, 0).messages {
			if after := message.GetTime().AsTime().Sub(begin); after < time.Duration(i)*time.Minute || after > time.Duration(i)*time.Minute+time.Second {
				t.Errorf("message %d has a state of %v", i, after)
			}
		}
		p.stop(t)
	})
}
