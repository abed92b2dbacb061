package registry

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestStreamsTakeNoPlace: streams do not count towards the cap, and a request that waits
// gets the place of one that becomes a stream.
func TestStreamsTakeNoPlace(t *testing.T) {
	t.Parallel()
	r := New(Options{MaxConcurrency: 1, QueueLimit: 1})
	id := add(t, r, Ready)
	streams := make([]Lease, 0, 10)
	for range cap(streams) {
		l := acquire(t, r)
		l.Stream()
		l.Stream() // no effect
		streams = append(streams, l)
	}
	first := acquire(t, r)
	var next Lease
	if l, err := r.Enqueue(&Waiter{Grant: func(l Lease, _ error) { next = l }}); err != nil || l.Valid() {
		t.Fatalf("the cap does not hold: %v", err)
	}
	first.Stream()
	if !next.Valid() {
		t.Error("a request waits although the one before it has become a stream")
	}
	if in := snapshotOf(t, r, id); in.InFlight != 12 || in.Streams != 11 || in.Working() != 1 {
		t.Errorf("%d in flight, %d of them streams", in.InFlight, in.Streams)
	}
	for _, l := range append(streams, first, next) {
		l.Release()
		l.Release()
	}
	if in := snapshotOf(t, r, id); in.InFlight != 0 || in.Streams != 0 {
		t.Errorf("at the end: %d in flight, %d of them streams", in.InFlight, in.Streams)
	}
}

// TestStreamsSpread: streams spread evenly over instances, and do not keep other
// requests from an instance.
func TestStreamsSpread(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	ids := []ID{add(t, r, Ready), add(t, r, Ready), add(t, r, Ready)}
	for range 30 {
		acquire(t, r).Stream()
	}
	for _, id := range ids {
		if in := snapshotOf(t, r, id); in.Streams != 10 {
			t.Errorf("an instance has %d of 30 streams", in.Streams)
		}
	}
	var got []ID
	for range 3 {
		got = append(got, acquire(t, r).ID())
	}
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		t.Error("three requests did not go to three instances")
	}
}

// TestStreamLoad: streams are load by what they do, at most one each.
func TestStreamLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		id := add(t, r, Ready)
		var cpu time.Duration
		load := func(cores float64, bytes int, l Lease) float64 {
			for range 30 {
				time.Sleep(time.Second)
				cpu += time.Duration(cores * float64(time.Second))
				_ = r.SetUsage(id, Usage{CPU: cpu})
				l.Carried(bytes)
				r.Snapshot()
			}
			return snapshotOf(t, r, id).Load
		}
		streams := make([]Lease, 6)
		for i := range streams {
			streams[i] = acquire(t, r)
			streams[i].Stream()
		}
		one := streams[0]
		for _, c := range []struct {
			cores float64
			bytes int
			want  float64
		}{
			{0, 0, 0},
			{0.5, 0, 2},
			{1, 0, 4},
			{8, 0, 6},
			{0, 2 * streamRate, 2},
			{0, 10 * streamRate, 6},
			{0, 0, 0},
		} {
			if got := load(c.cores, c.bytes, one); got < c.want-.1 || got > c.want+.1 {
				t.Errorf("%v processors, %d bytes/s: load %v, want %v", c.cores, c.bytes, got, c.want)
			}
		}
		for range 3 {
			acquire(t, r)
		}
		if got := load(1, 0, one); got < 3.9 || got > 4.1 {
			t.Errorf("with 3 requests that account for the processor time: load %v, want 4", got)
		}
	})
}

// TestRemovalSparesStreams: an instance with a stream is removed after one with a request.
func TestRemovalSparesStreams(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	a, b := add(t, r, Ready), add(t, r, Ready)
	acquire(t, r)          // on a
	acquire(t, r).Stream() // on b
	acquire(t, r)          // on b: equally many others
	acquire(t, r)          // on a
	now := r.Snapshot()
	if order := now.RemovalOrder(); order[0].ID != a || order[1].ID != b {
		t.Errorf("the instance with a stream is removed first: %+v, %+v", order[0], order[1])
	}
}
