package main

import (
	"slices"
	"testing"
	"time"
)

func TestQuantiles(t *testing.T) {
	var l latencies
	for i := range time.Duration(1000) {
		l = append(l, (i*7919)%1000+1) // 1 to 1000, in disorder
	}
	for _, test := range []struct {
		of   latencies
		want []time.Duration // of 0, 0.5, 0.99, 0.999, 1
	}{
		{nil, []time.Duration{0, 0, 0, 0, 0}},
		{latencies{42}, []time.Duration{42, 42, 42, 42, 42}},
		{latencies{9, 3}, []time.Duration{3, 3, 9, 9, 9}},
		{l, []time.Duration{1, 500, 990, 999, 1000}},
	} {
		if got := test.of.quantiles(0, 0.5, 0.99, 0.999, 1); !slices.Equal(got, test.want) {
			t.Errorf("of %d: %v, want %v", len(test.of), got, test.want)
		}
	}
}
