package measure

import (
	"reflect"
	"testing"
	"time"
)

// countsOf returns the counts of a histogram.
func countsOf(h *Histogram) Counts {
	c := Counts{}
	h.Counts(func(name string, n uint64) { c[name] = n })
	return c
}

// TestCounts: what one process has counted, and counts later, counts once in another one.
func TestCounts(t *testing.T) {
	t.Parallel()
	var before, after Histogram
	for _, d := range []time.Duration{0, time.Millisecond, time.Second, time.Second, 2000 * time.Hour} {
		before.Observe(int(d), d)
	}
	first := countsOf(&before)
	for name, n := range first {
		after.Add(name, n)
	}
	before.Observe(3, time.Second)
	before.Observe(3, time.Minute)
	more := countsOf(&before).Since(first)
	for name, n := range more {
		after.Add(name, n)
	}
	if got, want := after.Values(), before.Values(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if len(more) != 3 || more[sumName] != uint64(61*time.Second) {
		t.Errorf("later: %v", more)
	}
	if same := first.Since(first); same != nil {
		t.Errorf("nothing more: %v", same)
	}
}

// TestCountsOfOtherBounds: what is no count of a histogram like this one is ignored.
func TestCountsOfOtherBounds(t *testing.T) {
	t.Parallel()
	var h Histogram
	for _, name := range []string{"3/1", cellPrefix + "-1", cellPrefix + "1000000", cellPrefix + "x", "other", ""} {
		h.Add(name, 1)
	}
	if v := h.Values(); v.Count != 0 || v.Sum != 0 {
		t.Errorf("got %+v", v)
	}
}
