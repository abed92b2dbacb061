package edge

import (
	"sync/atomic"

	"github.com/dynlb/dynlb/proxy/settings"
)

// aloneRules are the rules that Alone has returned last, for those settings.
type aloneRules struct {
	settings Settings
	rules    *Rules
}

var alone atomic.Pointer[aloneRules]

// Alone returns the rules for requests that are for no app; nil: there are none.
func Alone(s *settings.Settings) *Rules {
	if !s.Describe && s.RequestID == "" {
		return nil
	}
	last := alone.Load()
	if last == nil || last.settings.Describe != s.Describe || last.settings.RequestID != s.RequestID {
		of := Settings{Describe: s.Describe, RequestID: s.RequestID}
		last = &aloneRules{of, New(of)}
		alone.Store(last) // concurrent calls may store several; the last one stays
	}
	return last.rules
}
