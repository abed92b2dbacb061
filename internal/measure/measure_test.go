package measure

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestCounter(t *testing.T) {
	t.Parallel()
	var c Counter
	var running sync.WaitGroup
	for shard := range 3 * Shards {
		running.Go(func() {
			for range 100 {
				c.Add(shard, 2)
			}
		})
	}
	running.Wait()
	if got := c.Value(); got != 3*Shards*200 {
		t.Errorf("value %d, want %d", got, 3*Shards*200)
	}
	c.Add(-1, 1) // any number is a shard
}

// TestCells checks each bound of both kinds against the definition of its bucket.
func TestCells(t *testing.T) {
	t.Parallel()
	if last := cellTable[cellCount-1]; last.bound != math.MaxInt64 {
		t.Fatalf("the last cell ends at %v", last.bound)
	}
	if !slices.IsSortedFunc(cellTable[:], func(a, b cell) int { return int(max(-1, min(1, a.bound-b.bound))) }) {
		t.Error("the cells are not in order")
	}
	for _, bound := range Classic {
		for d, want := range map[time.Duration]uint64{bound - 1: 1, bound: 1, bound + 1: 0} {
			var h Histogram
			h.Observe(0, d)
			if v := h.Values(); v.Within(bound) != want {
				t.Errorf("%v is within %v %d times, want %d", d, bound, v.Within(bound), want)
			}
		}
	}
}

// TestNativeBuckets: a duration is in the bucket that its logarithm says.
func TestNativeBuckets(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		d := time.Duration(math.Exp2(10 + 49*random.Float64()))
		var h Histogram
		h.Observe(0, d)
		v := h.Values()
		got := v.Buckets()
		exact := math.Log2(d.Seconds()) * perDouble
		want := int(math.Ceil(exact))
		if math.Abs(exact-math.Round(exact)) < 1e-3 || want <= minExponent*perDouble {
			continue // nanoseconds are too coarse to tell
		}
		want = min(want, maxExponent*perDouble+1)
		if len(got) != 1 || got[0] != (Bucket{want, 1}) {
			t.Fatalf("%v is in %+v, want bucket %d", d, got, want)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	var h Histogram
	for shard, d := range []time.Duration{0, -time.Second, 100, 3 * time.Millisecond, 3 * time.Millisecond, 2 * time.Second, 30 * 24 * time.Hour} {
		h.Observe(shard, d)
	}
	v := h.Values()
	if zeros, _ := v.Zeros(); zeros != 3 || v.Count != 7 {
		t.Errorf("%d zeros of %d, want 3 of 7", zeros, v.Count)
	}
	if got := v.Within(5 * time.Millisecond); got != 5 {
		t.Errorf("%d are within 5 ms, want 5", got)
	}
	v.Add(2)
	if zeros, bound := v.Zeros(); zeros != 5 || v.Count != 9 || bound > time.Microsecond {
		t.Errorf("%d zeros of %d up to %v, want 5 of 9 up to 1 µs", zeros, v.Count, bound)
	}
}

func TestExemplars(t *testing.T) {
	t.Parallel()
	var h Histogram
	if v := h.Values(); v.Exemplars() != nil {
		t.Errorf("exemplars %+v of an empty histogram", v.Exemplars())
	}
	h.Exemplify(Exemplar{Value: time.Second, TraceID: "b"})
	h.Exemplify(Exemplar{Value: time.Millisecond, TraceID: "a"})
	h.Exemplify(Exemplar{Value: time.Second, TraceID: "c"})
	v := h.Values()
	got := v.Exemplars()
	if len(got) != 2 || got[0].TraceID != "a" || got[1].TraceID != "c" {
		t.Errorf("exemplars %+v, want the last one of each bucket", got)
	}
}

func BenchmarkObserve(b *testing.B) {
	var h Histogram
	for b.Loop() {
		h.Observe(1, 3*time.Millisecond)
	}
}
