package registry

import (
	"math/bits"
	"time"
)

// sampleBuckets are four for each doubling of a response time from 1 µs up to 19 hours.
const sampleBuckets = 4 * 37

// Sample is what requests have shown of some instances. The zero value is empty.
type Sample struct {
	// Requests is how many requests have ended, without those whose client left before
	// there was a response. Failures are those of them with a 5xx, or with no whole
	// response because of the instance.
	Requests, Failures uint64

	responses uint64 // of less than 500, that are in times
	times     [sampleBuckets]uint64
}

// Quantile returns the response time that a part q of the responses did not exceed, with
// a precision of a quarter; 0 if there were none.
func (s *Sample) Quantile(q float64) time.Duration {
	if s.responses == 0 {
		return 0
	}
	rest := q * float64(s.responses)
	for i, n := range &s.times {
		if rest -= float64(n); n > 0 && rest <= 0 {
			return bucketEnd(i)
		}
	}
	return bucketEnd(sampleBuckets - 1)
}

// Slower returns how many responses took longer than d for certain.
func (s *Sample) Slower(d time.Duration) (n uint64) {
	for i := bucketOf(d) + 1; i < sampleBuckets; i++ {
		n += s.times[i]
	}
	return n
}

// Responses returns how many responses there were, without those of 5xx.
func (s *Sample) Responses() uint64 { return s.responses }

// count adds a request that has ended.
func (s *Sample) count(responded, failed bool) {
	if responded || failed {
		s.Requests++
	}
	if failed {
		s.Failures++
	}
}

// observe adds a response.
func (s *Sample) observe(took time.Duration) {
	s.responses++
	s.times[bucketOf(took)]++
}

// bucketOf returns the bucket of a response time: the number of its bits, and the two
// bits after the first.
func bucketOf(d time.Duration) int {
	us := uint64(max(1, d.Microseconds()))
	e := bits.Len64(us) - 1
	fraction := us << 2 >> e & 3
	return min(4*e+int(fraction), sampleBuckets-1)
}

// bucketEnd returns the upper bound of the response times in a bucket.
func bucketEnd(i int) time.Duration {
	e, fraction := i/4, i%4
	return time.Duration((4+uint64(fraction)+1)<<e>>2) * time.Microsecond
}
