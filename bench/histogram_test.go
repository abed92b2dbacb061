package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsAreFineAndWithoutGaps(t *testing.T) {
	last := -1
	for v := range time.Duration(1 << 20) {
		i := bucketOf(v)
		if i != last && i != last+1 {
			t.Fatalf("bucket of %d is %d, after %d", v, i, last)
		}
		last = i
		if end := bucketEnd(i); end < v || end-v > v/bucketsPerOctave {
			t.Fatalf("bucket of %d ends at %d", v, end)
		}
	}
	for _, v := range []time.Duration{1<<largestBits - 1, 1 << largestBits, 1<<63 - 1} {
		if i := bucketOf(v); i != histogramBuckets-1 {
			t.Errorf("bucket of %d is %d, want the last, %d", v, i, histogramBuckets-1)
		}
	}
	if i := bucketOf(-1); i != 0 {
		t.Errorf("bucket of -1 is %d, want 0", i)
	}
}

func TestQuantile(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var parts [2]histogram
	var samples []time.Duration
	for i := range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(time.Millisecond))
		samples = append(samples, d)
		parts[i%2].record(d)
	}
	slices.Sort(samples)
	parts[0].merge(&parts[1])

	for _, q := range []float64{0, 0.5, 0.9, 0.99, 0.999, 1} {
		exact := samples[max(int(q*10_000)-1, 0)]
		got := parts[0].quantile(q)
		if got < exact || got-exact > exact/bucketsPerOctave {
			t.Errorf("quantile %v is %v, want %v and at most 0.8 %% more", q, got, exact)
		}
	}
	if got, want := parts[0].quantile(1), samples[len(samples)-1]; got != want {
		t.Errorf("the greatest is %v, want %v", got, want)
	}
}

func TestQuantileOfFew(t *testing.T) {
	var h histogram
	if got := h.quantile(0.99); got != 0 {
		t.Errorf("empty: got %v, want 0", got)
	}
	h.record(42)
	if got := h.quantile(0.01); got != 42 {
		t.Errorf("one: got %v, want 42ns", got)
	}
	h.record(100)
	if got := h.quantile(0.5); got != 42 {
		t.Errorf("the lower of two: got %v, want 42ns", got)
	}
	h.record(200)
	if got := h.quantile(0.5); got != 100 {
		t.Errorf("the middle of three: got %v, want 100ns", got)
	}
}
