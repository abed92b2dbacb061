package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/outcome"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, MaxBytes: 256 << 20, MaxAge: 90 * 24 * time.Hour, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// reasons returns the reasons of a page of events.
func reasons(t *testing.T, s *Store, q EventQuery) (all []string, next string) {
	t.Helper()
	events, next, err := s.Events(q)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		all = append(all, e.GetReason())
	}
	return all, next
}

// TestStepOfYoungHistory: a query without a step gets the points that there are, also when
// figures were kept only for some seconds of a long time.
func TestStepOfYoungHistory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, "")
		defer closeStore(t, s)
		ctx, stop := context.WithCancel(t.Context())
		var recording sync.WaitGroup
		recording.Go(func() { s.Record(ctx, "a", notice.New(registry.New(registry.Options{})), new(Meter)) })
		time.Sleep(5500 * time.Millisecond)
		for _, span := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 30 * 24 * time.Hour} {
			points, step, err := s.Points(Query{App: "a", From: time.Now().Add(-span), To: time.Now()})
			if err != nil || step != time.Second || len(points) < 4 {
				t.Errorf("of %v: %d points of %v, %v", span, len(points), step, err)
			}
		}
		stop()
		recording.Wait()
	})
}

// TestEvents: events of a board are kept, are there after a restart, and can be asked for
// in pages from both ends.
func TestEvents(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{t.TempDir(), ""} {
		s := open(t, dir)
		var recording sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		for _, app := range []string{"a", "b"} {
			board := notice.NewNumbered(registry.New(registry.Options{}), notice.NewSequence(s.Last()))
			for i := range 25 {
				board.SetTrouble(fmt.Sprintf("%s%02d", app, i))
			}
			board.SetLastExit(notice.Exit{ID: "0123-abcd", Reason: "exit status 1", Output: []string{"boom", "\xff"}})
			recording.Go(func() { s.Record(ctx, app, board, new(Meter)) })
		}
		stop()
		recording.Wait()
		s.Flush()
		if dir != "" {
			closeStore(t, s)
			s = open(t, dir)
		}
		var got []string
		for token := ""; ; {
			page, next := reasons(t, s, EventQuery{App: "a", Limit: 10, Token: token})
			got = append(got, page...)
			if token = next; token == "" {
				break
			}
		}
		if len(got) != 26 || got[0] != "a00" || got[25] != "exit status 1" || !slices.IsSorted(got[:25]) {
			t.Errorf("events of a: %q", got)
		}
		var back []string
		for token := ""; ; {
			page, next := reasons(t, s, EventQuery{App: "a", Limit: 10, Token: token, Newest: true})
			back = append(back, page...)
			if token = next; token == "" {
				break
			}
		}
		slices.Reverse(back)
		if !slices.Equal(back, got) {
			t.Errorf("newest first: %q", back)
		}
		events, _, err := s.Events(EventQuery{Instance: "0123", Types: []dynlbv1.EventType{dynlbv1.EventType_EVENT_TYPE_EXITED}, Limit: 10})
		if err != nil || len(events) != 2 || !slices.Equal(events[0].GetOutput(), []string{"boom", "\uFFFD"}) {
			t.Errorf("exits: %v, %v", events, err)
		}
		if _, _, err := s.Events(EventQuery{Limit: 1, Token: "x"}); !errors.Is(err, ErrToken) {
			t.Errorf("a wrong token: %v", err)
		}
		closeStore(t, s)
	}
}

// TestEventsAfter: a reader that knows an event gets those after it, and learns whether
// some are missing.
func TestEventsAfter(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	defer closeStore(t, s)
	for i := range uint64(20) {
		app := "a"
		if i%2 == 1 {
			app = "b"
		}
		s.addEvent(EventOf(app, &notice.Event{Time: time.Now(), Type: notice.Scaled, Sequence: 100 + i}))
	}
	s.Flush()
	for _, c := range []struct {
		after uint64
		limit int
		want  int
		whole bool
	}{{118, 10, 0, true}, {110, 10, 4, true}, {100, 10, 9, true}, {100, 3, 3, false}, {99, 20, 10, false}} {
		events, whole, err := s.EventsAfter("a", c.after, c.limit)
		if err != nil || len(events) != c.want || whole != c.whole {
			t.Errorf("after %d: %d events, whole %v, %v; want %d, %v", c.after, len(events), whole, err, c.want, c.whole)
		}
		if n := len(events); n > 0 && events[n-1].GetSequence() != 118 {
			t.Errorf("after %d: the last one is %d, want 118", c.after, events[n-1].GetSequence())
		}
	}
	if last := s.Last(); last != 119 {
		t.Errorf("Last is %d, want 119", last)
	}
}

// TestPoints: figures are sampled once a second, are there after a restart, and the
// counts of all requests are in them at each resolution.
func TestPoints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, dir)
		r := registry.New(registry.Options{})
		board := notice.New(r)
		board.SetThresholds(notice.Thresholds{Up: 3, Down: .5})
		board.SetTarget(2, notice.Bounds{Min: 1, Max: 8}, time.Time{}, "test")
		id := r.Add(registry.Spec{Reason: "test"})
		if err := r.Transition(id, registry.Ready, "test"); err != nil {
			t.Fatal(err)
		}
		var meter Meter
		ctx, stop := context.WithCancel(t.Context())
		var recording sync.WaitGroup
		recording.Go(func() { s.Record(ctx, "a", board, &meter) })
		begin := time.Now()
		time.Sleep(time.Second / 2) // not at the moments of the samples
		for range 300 {
			for i := range 10 {
				meter.Record(&outcome.Outcome{Code: 200, Duration: time.Duration(i+1) * 10 * time.Millisecond})
			}
			meter.Record(&outcome.Outcome{Code: 502, Source: outcome.Instance, Duration: time.Second, Shard: 1})
			time.Sleep(time.Second)
		}
		stop()
		recording.Wait()
		closeStore(t, s)
		s = open(t, dir)
		defer closeStore(t, s)
		for _, step := range []time.Duration{time.Second, 5 * time.Second, 10 * time.Second, time.Minute} {
			checkPoints(t, s, begin, step)
		}
		if points, step, err := s.Points(Query{App: "a", From: begin, To: time.Now()}); err != nil || step != time.Second || len(points) < 298 {
			t.Errorf("without a step: %d points with a step of %v, %v", len(points), step, err)
		}
		if _, _, err := s.Points(Query{App: "a", From: begin.Add(-24 * time.Hour), To: time.Now(), Step: time.Second}); !errors.Is(err, ErrPoints) {
			t.Errorf("too many points: %v", err)
		}
	})
}

func checkPoints(t *testing.T, s *Store, begin time.Time, step time.Duration) {
	t.Helper()
	points, got, err := s.Points(Query{App: "a", From: begin.Add(-time.Second), To: time.Now(), Step: step, Instances: true})
	if err != nil || got != step {
		t.Fatalf("step %v: got %v, %v", step, got, err)
	}
	responses, failures := uint32(0), uint32(0)
	for i, p := range points {
		responses += p.GetResponses_2Xx()
		failures += p.GetErrorsInstance()
		if i > 0 && p.GetTime().AsTime().Sub(points[i-1].GetTime().AsTime()) != step {
			t.Fatalf("step %v: points at %v and %v", step, points[i-1].GetTime().AsTime(), p.GetTime().AsTime())
		}
		if p.GetTarget() != 2 || p.GetReady() != 1 || p.GetScaleUpThreshold() != 3 {
			t.Fatalf("step %v: %v", step, p)
		}
		if p50, p99 := p.GetP50Ms(), p.GetP99Ms(); p50 < 54 || p50 > 66 || p99 < 90 {
			t.Errorf("step %v: p50 %v, p99 %v", step, p50, p99)
		}
	}
	if missing := 3000 - int(responses); missing < 0 || missing > 10*max(2, int(step/time.Second)) || failures*10 != responses {
		t.Errorf("step %v: %d responses, %d failures in %d points", step, responses, failures, len(points))
	}
}

// TestBuckets: a duration is known to a tenth, whatever it is.
func TestBuckets(t *testing.T) {
	t.Parallel()
	last := 0
	for d := 8 * time.Microsecond; d < 2*time.Minute; d += d / 50 {
		bucket := bucketOf(d)
		if bucket < last {
			t.Fatalf("%v is in bucket %d, after bucket %d", d, bucket, last)
		}
		last = bucket
		got, want := middleOf(bucket), float64(d.Microseconds())/1e3
		if got < want*.9 || got > want*1.1 {
			t.Errorf("%v: %v ms", d, got)
		}
	}
	if bucketOf(time.Hour) != buckets-1 || bucketOf(-time.Second) != 0 {
		t.Error("durations out of bounds are not in the outermost buckets")
	}
}

// BenchmarkMeter is what the history costs a request.
func BenchmarkMeter(b *testing.B) {
	var all Meters
	all.Of("default")
	var loops atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		o := &outcome.Outcome{App: "default", Code: 200, Duration: 300 * time.Microsecond, Shard: int(loops.Add(1))}
		for pb.Next() {
			all.Record(o)
		}
	})
}
