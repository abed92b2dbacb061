package main

import (
	"math"
	"slices"
	"time"
)

// latencies are the times that requests took, in any order. A soak has so few
// (1.4 MB for three minutes) that all are kept: quantiles are exact.
type latencies []time.Duration

// quantiles returns, for each share (0 to 1), the time that as many requests did
// not exceed: nearest rank. Of none it is 0. It sorts l.
func (l latencies) quantiles(shares ...float64) []time.Duration {
	slices.Sort(l)
	out := make([]time.Duration, len(shares))
	for i, share := range shares {
		if len(l) > 0 {
			rank := int(math.Ceil(share * float64(len(l))))
			out[i] = l[min(max(rank, 1), len(l))-1]
		}
	}
	return out
}
