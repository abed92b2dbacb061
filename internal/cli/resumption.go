package cli

import (
	"cmp"
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// resumption is after which event the watches of apps begin, and go on after a lost
// connection.
type resumption struct {
	start uint64            // for an app without a message yet; 0: with what happens from now on
	last  map[string]uint64 // by app
}

// after returns the number of the event after which the watch of an app begins.
func (r *resumption) after(app string) uint64 { return cmp.Or(r.last[app], r.start) }

// note notes how far a message goes.
func (r *resumption) note(app string, m *dynlbv1.WatchInstancesResponse) {
	if r.last == nil {
		r.last = map[string]uint64{}
	}
	r.last[app] = max(r.last[app], m.GetLastSequence(), lastSequence(m.GetEvents()))
}

// connection notes that the connection is lost, or is there again. From the loss on, an app
// without a message has the events of the next dynlb.
func (r *resumption) connection(lost bool) {
	if lost && r.start == 0 {
		r.start = sequenceAt(time.Now())
	}
}

// lastSequence returns the number of the newest event.
func lastSequence(events []*dynlbv1.Event) (last uint64) {
	for _, e := range events {
		last = max(last, e.GetSequence())
	}
	return last
}

// sequenceAt returns a number that the events of a dynlb that starts at a time or later are
// above: it begins with the milliseconds since 1970.
func sequenceAt(t time.Time) uint64 { return uint64(t.UnixMilli()) }
