package main

import (
	"math"
	"math/bits"
	"time"
)

// A histogram counts durations in log-linear buckets, as HDR histograms do:
// bucketsPerOctave of equal width between a power of two and the next, so that
// a quantile is at most 1/128 (0.8 %) above the true value, at any magnitude.
// The zero value is empty and ready. Not safe for concurrent use.
type histogram struct {
	counts [histogramBuckets]uint64
	total  uint64
	max    time.Duration
}

const (
	octaveBits       = 7
	bucketsPerOctave = 1 << octaveBits
	// Durations of 2^37 ns (137 s) and more share the last bucket; no request
	// lives that long here.
	largestBits      = 37
	histogramBuckets = (largestBits - octaveBits + 1) * bucketsPerOctave
)

func (h *histogram) record(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.total++
	h.max = max(h.max, d)
}

// merge adds what other has counted.
func (h *histogram) merge(other *histogram) {
	for i, n := range &other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.max = max(h.max, other.max)
}

// quantile returns the duration that a share q (0 to 1) of the recorded ones
// did not exceed: nearest rank, rounded up to its bucket's end. An empty
// histogram answers 0.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := max(uint64(math.Ceil(q*float64(h.total))), 1)
	var seen uint64
	for i, n := range &h.counts {
		if seen += n; seen >= rank {
			return min(bucketEnd(i), h.max)
		}
	}
	return h.max
}

// bucketOf maps v < 128 ns to bucket v, and v in [2^k, 2^(k+1)) to one of the
// 128 buckets of that octave, numbered on from there without a gap.
func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	shift := max(bits.Len64(v)-octaveBits-1, 0)
	return min(shift*bucketsPerOctave+int(v>>shift), histogramBuckets-1)
}

// bucketEnd is the largest duration that bucketOf maps to i.
func bucketEnd(i int) time.Duration {
	if i < 2*bucketsPerOctave {
		return time.Duration(i)
	}
	shift := i/bucketsPerOctave - 1
	mantissa := i - shift*bucketsPerOctave
	return time.Duration((mantissa+1)<<shift - 1)
}
