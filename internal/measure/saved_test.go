package measure

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// TestSavedHistogram: what one process has counted counts in the next one.
func TestSavedHistogram(t *testing.T) {
	t.Parallel()
	var before, after Histogram
	for _, d := range []time.Duration{0, time.Millisecond, time.Second, time.Second, 2000 * time.Hour} {
		before.Observe(int(d), d)
	}
	b, err := json.Marshal(before.Save())
	if err != nil {
		t.Fatal(err)
	}
	var s Saved
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	after.Observe(1, time.Minute)
	after.Restore(s)
	before.Observe(1, time.Minute)
	if got, want := after.Values(), before.Values(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestSavedHistogramOfOtherBounds: counts of other bounds are not mixed in.
func TestSavedHistogramOfOtherBounds(t *testing.T) {
	t.Parallel()
	var h Histogram
	h.Restore(Saved{Cells: 3, Counts: map[int]uint64{1: 1}, Sum: time.Second})
	h.Restore(Saved{Cells: cellCount, Counts: map[int]uint64{cellCount: 1, -1: 1}})
	if v := h.Values(); v.Count != 0 || v.Sum != 0 {
		t.Errorf("got %+v", v)
	}
}
