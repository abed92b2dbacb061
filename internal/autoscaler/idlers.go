package autoscaler

import (
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// idlers returns how many instances may be removed because they have been ready and
// idle for the given time. They are counted in the order in which they are removed,
// up to the first that has work or has not been idle for so long. A target lowered
// by that number removes no instance that has work.
//
// The result is 0 until the target has not been raised for the same time. (The
// instances that a raise added do not always prevent a removal by themselves: one
// that failed to start does not exist until it is tried again.)
//
// A starting instance serves no request and is removed first, so counting waits for
// it. When instances cannot be started, that wait would be without end; then it is
// skipped and the ones behind it are counted. It is still removed before them, so no
// more of them are removed than were counted.
//
// An instance that is ready, has served nothing, and was started long after the last
// raise has replaced another one. It counts at once; otherwise frequent replacements
// would keep all instances.
//
// An unhealthy instance is removed next, by the same rule as a ready one. With work
// it prevents further removals until it is healthy or replaced, a few health checks
// later.
func idlers(now *registry.Snapshot, idle time.Duration, raised time.Time) int {
	if now.Time.Sub(raised) < idle {
		return 0
	}
	n := 0
	for _, in := range now.RemovalOrder() {
		switch {
		case in.State == registry.Starting && now.Trouble != "":
		case in.State == registry.Ready && in.Total == 0 && in.Started.Sub(raised) >= idle:
			n++
		case in.State == registry.Starting, in.InFlight > 0, now.Time.Sub(in.IdleSince) < idle:
			return n
		default:
			n++
		}
	}
	return n
}
