package local

import (
	"errors"
	"fmt"

	"github.com/dynlb/dynlb/internal/registry"
)

// replacement is the start of an instance in the place of one that failed.
type replacement struct {
	id     registry.ID // of the failed instance
	reason string      // why it is replaced, for the new instance
}

// needReplacement notes that a new child must be started in the place of c, which failed for the
// given reason. It runs in the loop.
func (f *Fleet) needReplacement(c *child, verb, reason string) {
	f.pendingReplacements = append(f.pendingReplacements, replacement{c.id, replaces(c, verb+": "+reason)})
}

// replaces returns the reason of an instance that replaces c.
func replaces(c *child, why string) string {
	return fmt.Sprintf("replaces %s, which %s", shortID(c.id), why)
}

// settleReplacement returns why a child is started or taken back now, and whether it
// replaces one that failed, which is then no longer pending. It runs in the loop.
func (f *Fleet) settleReplacement() (reason string, replacement bool) {
	if len(f.pendingReplacements) > 0 {
		next := f.pendingReplacements[0]
		f.pendingReplacements = f.pendingReplacements[1:]
		reason = next.reason
		if n := f.backoff.failures; n > 1 {
			reason += fmt.Sprintf(" (failure %d in a row)", n)
		}
		return reason, true
	}
	if f.rollout != nil {
		return f.rollout.reason, false
	}
	for _, c := range f.inReplaceOrder() {
		if c.recycleReason != "" {
			return replaces(c.child, c.recycleReason), false
		}
	}
	return f.reason, false
}

// verb returns what the instance did that ended so.
func (e ending) verb() string {
	switch {
	case e.exit == nil:
		return "could not be started"
	case errors.Is(e.err, errExited):
		return "ended"
	default:
		return "was stopped"
	}
}

// shortID returns the part of an ID that people need to tell instances apart.
func shortID(id registry.ID) string { return string(id[:min(8, len(id))]) }
