package registry

import (
	"testing"
	"time"
)

// TestSlowStart checks that the share of a new instance grows to that of the others, and
// that without slowStart it has its share at once.
func TestSlowStart(t *testing.T) {
	t.Parallel()
	for name, slowStart := range map[string]time.Duration{"on": 10 * time.Second, "off": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1700000000, 0)
			r := NewWithClock(Options{SlowStart: slowStart}, func() time.Time { return now })
			old := add(t, r, Ready)
			now = now.Add(time.Minute)
			young := add(t, r, Ready)
			part := func() float64 { // of what the old one has, with 20 requests in flight
				counts := make(map[ID]float64)
				var leases []Lease
				for range 20 {
					leases = append(leases, acquire(t, r))
				}
				now = now.Add(slowInterval)
				leases[0].Responded(time.Millisecond, 200) // the shares are determined anew
				for _, l := range leases {
					l.Release()
				}
				leases = leases[:0]
				for range 40 {
					l := acquire(t, r)
					leases = append(leases, l)
					counts[l.ID()]++
					if len(leases) == 20 {
						now = now.Add(slowInterval)
						l.Responded(time.Millisecond, 200)
					}
				}
				for _, l := range leases {
					l.Release()
				}
				return counts[young] / counts[old]
			}
			first := part()
			now = now.Add(5 * time.Second)
			middle := part()
			now = now.Add(10 * time.Second)
			part()
			last := part()
			if slowStart == 0 && first != 1 || last != 1 {
				t.Errorf("slowStart %v: %.2f of the other's share at first, %.2f at last", slowStart, first, last)
			}
			if slowStart > 0 && (first > 0.5 || middle <= first || middle >= 1) {
				t.Errorf("%.2f of the other's share at first, then %.2f", first, middle)
			}
		})
	}
}

// TestSlowStartAlone checks that new instances are alike when there are no others, and that
// a request that waits for a place goes to a new one.
func TestSlowStartAlone(t *testing.T) {
	t.Parallel()
	r := New(Options{SlowStart: time.Hour, MaxConcurrency: 1})
	a, b := add(t, r, Ready), add(t, r, Ready)
	if x, y := acquire(t, r).ID(), acquire(t, r).ID(); x != a || y != b {
		t.Errorf("requests went to %s and %s, want %s and %s", x, y, a, b)
	}
}
