package registry

import (
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/measure"
)

// classes is one more than the first digit of the highest status.
const classes = 10

// Served is what an instance has answered since its start. It goes on counting, and is
// safe for concurrent use.
type Served struct {
	// Times are the response times: from the end of a request to the head of its response.
	Times   measure.Histogram
	byClass [classes]atomic.Uint64
}

// add counts a response.
func (s *Served) add(status int, after time.Duration) {
	if class := status / 100; class >= 0 && class < classes {
		s.byClass[class].Add(1)
	}
	s.Times.Observe(0, after)
}

// Class returns how many responses had a status of a class: the first digit, such as 2.
func (s *Served) Class(digit int) uint64 { return s.byClass[digit].Load() }
