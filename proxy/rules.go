package proxy

import (
	"sync"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
)

// rules are what the guard holds a client to. They are not changed, but replaced
// by others.
type rules struct {
	headTime, bodyTime, idleTime time.Duration
	requests                     sync.Pool // of *http1.Request
}

func newRules(s *Settings) *rules {
	limits := s.Limits
	return &rules{
		headTime: s.HeadTimeout,
		bodyTime: s.BodyTimeout,
		idleTime: s.IdleTimeout,
		requests: sync.Pool{New: func() any { return http1.NewRequest(limits) }},
	}
}
