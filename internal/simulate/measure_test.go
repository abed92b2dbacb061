package simulate

import (
	"testing"
	"time"
)

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
