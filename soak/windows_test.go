package main

import (
	"testing"
	"time"
)

func TestWindowsExcuseWhatMeetsThem(t *testing.T) {
	base := time.Now()
	at := func(seconds float64) time.Time { return base.Add(time.Duration(seconds * float64(time.Second))) }
	var w windows
	if w.excuse(at(0), at(100)) {
		t.Error("there is no window yet")
	}
	w.open(7, at(10))(at(12))
	w.open(8, at(50)) // and never closed
	for _, test := range []struct {
		from, until float64
		want        bool
	}{
		{1, 9.9, false},
		{1, 10.1, true},   // struck while it was under way
		{11, 11.5, true},  // all of it within
		{12.9, 13, true},  // in the aftermath
		{13.1, 14, false}, // after it
		{9, 20, true},
		{49, 49.9, false},
		{60, 61, true}, // still open
	} {
		if got := w.excuse(at(test.from), at(test.until)); got != test.want {
			t.Errorf("from %v to %v: %v, want %v", test.from, test.until, got, test.want)
		}
	}
	if !w.excuse(at(11), at(11), "6", "7") || w.excuse(at(11), at(11), "8") {
		t.Error("a window excuses what failed at another instance")
	}
}
