package simulate

import (
	"slices"
	"testing"
	"time"
)

// took returns the sorted times of the requests that arrived in [from, to), and how
// many of them failed.
func (r Result) took(from, to time.Duration) (times []time.Duration, failed int) {
	for _, q := range r.Requests {
		switch {
		case q.At < from || q.At >= to:
		case q.Err != nil:
			failed++
		default:
			times = append(times, q.Took)
		}
	}
	slices.Sort(times)
	return times, failed
}

func mean(times []time.Duration) time.Duration {
	sum := time.Duration(0)
	for _, t := range times {
		sum += t
	}
	return sum / time.Duration(max(1, len(times)))
}

// quantile returns the time that a part of the sorted times does not exceed.
func quantile(times []time.Duration, part float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return times[min(len(times)-1, int(part*float64(len(times))))]
}

// last returns when the last request ended.
func (r Result) last() time.Duration {
	last := time.Duration(0)
	for _, q := range r.Requests {
		last = max(last, q.At+q.Took)
	}
	return last
}

// largest returns the largest target.
func (r Result) largest() int {
	n := 0
	for _, c := range r.Changes {
		n = max(n, c.To)
	}
	return n
}

func (r Result) log(t *testing.T) {
	t.Helper()
	for _, c := range r.Changes {
		t.Logf("%8.3f s: %d -> %d: %s", c.At.Seconds(), c.From, c.To, c.Reason)
	}
}
