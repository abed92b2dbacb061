package std

import (
	"sync"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/settings"
)

// rules are the settings that were in force when a request began, with readers for
// messages within their limits.
type rules struct {
	*settings.Settings
	*readers
}

// altSvc returns the value of Alt-Svc for a client, "" for none.
func (r *rules) altSvc(client *forward.Peer) string {
	if client.Scheme != "https" {
		return ""
	}
	return r.AltSvc
}

// readers lends out the readers of messages.
type readers struct {
	limits    http1.Limits
	requests  sync.Pool // of *http1.Request
	responses sync.Pool // of *http1.Response
}

// rules returns the rules in force.
func (l *Lane) rules() rules {
	s := l.options.Settings.Load()
	r := l.readers.Load()
	if r == nil || r.limits != s.Limits {
		r = newReaders(s.Limits)
		l.readers.Store(r) // concurrent calls may store several; the last one stays
	}
	return rules{s, r}
}

func newReaders(limits http1.Limits) *readers {
	r := &readers{limits: limits}
	r.requests.New = func() any { return http1.NewRequest(limits) }
	r.responses.New = func() any { return http1.NewResponse(policy.ResponseLimits) }
	return r
}
