package local

import (
	"fmt"
	"strings"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

const (
	// casualtyWait bounds the time until the requests of an instance that ended by
	// itself have noticed. They notice within a millisecond unless the machine is
	// busy.
	casualtyWait = 100 * time.Millisecond
	casualtyPoll = 2 * time.Millisecond
)

// awaitCasualties reports to the registry that a child ended by itself, for the given
// reason, and returns the requests that it had.
func (f *Fleet) awaitCasualties(c *child, reason string) registry.Casualties {
	f.logRejected(c, f.Registry.Ended(c.id, registry.Ending{Reason: reason, Own: true}))
	for end := time.Now().Add(casualtyWait); ; time.Sleep(casualtyPoll) {
		if lost := f.Registry.Casualties(c.id); lost.Pending == 0 || time.Now().After(end) {
			return lost
		}
	}
}

// requestsText returns the addition to the reason of an ending that names the
// requests which may have caused it.
func requestsText(lost registry.Casualties) string {
	names := strings.Join(lost.Named, ", ")
	switch more := lost.InFlight - len(lost.Named); {
	case len(lost.Named) == 0:
		return ""
	case lost.Answered:
		return " right after the response to " + names + ", which may not be whole"
	case lost.InFlight == 1:
		return " while it worked on " + names
	case more > 0:
		return fmt.Sprintf(" while it had %d requests (%s and %d more)", lost.InFlight, names, more)
	default:
		return fmt.Sprintf(" while it had %d requests (%s)", lost.InFlight, names)
	}
}
