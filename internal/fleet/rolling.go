package fleet

import "context"

// Roller is a Fleet whose instances get another version by a rollout: a part of them is
// replaced at a time, and both versions get requests meanwhile. What runs the instances keeps
// the version in force, so the fleet reports it to the board, and not package deploy. Its
// methods are safe for concurrent use.
type Roller interface {
	// Versions returns the version in force and the one before it, "" if there was none.
	Versions(ctx context.Context) (current, previous string, err error)
	// Roll replaces all instances by those of a version, and returns nil when that is done.
	// It goes back to the version before when the new instances do not become ready, and
	// when ctx ends; the error is then the cause of ctx. It fails with ErrDeploying or
	// ErrRestarting when a change is under way, and wraps registry.ErrClosed when dynlb shuts
	// down, after which the rollout goes on. progress is called with the number of replaced
	// instances and their total.
	Roll(ctx context.Context, version, reason string, progress func(replaced, total int)) error
}
