// Package fleet is the seam between dynlb and what runs the instances of an app.
// The daemon, the autoscaler and the control service know a [Fleet] only; package
// local runs the instances as processes of this machine.
//
// A Fleet and the rest of dynlb meet in the registry and on the notice board. The
// fleet adds an instance to the registry when it starts it, moves it through its
// states, and drains it: it stops no instance before the registry reports that no
// request is in flight, or before the fleet's own limit for that has passed. It
// reads registry.Registry.Suspects, which has one reader: an instance that refused
// a connection is checked at once. When it replaces an instance because that does
// not answer, it calls registry.Registry.Unresponsive, so that a request that may be the
// reason is not tried on the next instance. When an instance ends by itself, it calls
// registry.Registry.Ended for the same purpose. What it reports for people (restarts,
// start failures, last exits) goes to the board.
package fleet

import (
	"context"
	"errors"
	"log/slog"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// Fleet keeps the instances of one app at a target number. Its methods are safe for
// concurrent use and may be called before Run, whose loop they then wait for.
type Fleet interface {
	// Run keeps the instances until Stop has stopped them all. When ctx ends they are
	// killed at once. It returns when none is left, nor a goroutine of its own. Call
	// it once.
	Run(ctx context.Context)
	// Scale sets the target to n and does not wait for the instances. The reason is
	// reported with each of them. It has no effect after Stop.
	Scale(n int, reason string)
	// Restart replaces all instances by new ones. There are at most surge more than
	// the target at a time, and no old one drains before a new one is ready in its
	// place. It returns nil when all are replaced. If a new one does not become ready,
	// the remaining old ones stay and the error says why. progress is called with the
	// number of replaced instances and their total. When ctx ends, Restart returns its
	// error and the restart continues. While a restart is under way, another one fails
	// with ErrRestarting.
	Restart(ctx context.Context, surge int, reason string, progress func(replaced, total int)) error
	// Replace has a new instance take the place of one, which drains when the new one is
	// ready. It does not wait for that. It has no effect on an instance that is being
	// replaced. The error is ErrNoInstance, ErrNotServing, or wraps registry.ErrClosed
	// during a shutdown.
	Replace(id registry.ID, reason string) error
	// Configure puts other settings in force, of the kind that the fleet was made
	// with. The channel gets one value: nil when all instances have the settings, or an
	// error that says why they have not. After an error the previous settings are in
	// force again: old instances stay, and new ones are replaced. When no instance serves,
	// the value is nil at once, as there is no reason to keep the previous settings. The
	// error is ErrSuperseded when another Configure takes its place, and ErrKind for
	// settings of another kind of fleet. After Stop it wraps registry.ErrClosed.
	Configure(settings Settings) <-chan error
	// Freeze tells the fleet that dynlb is shutting down, some time before Stop. An init
	// system may send the instances the signal that it sends dynlb. So from now on an
	// instance that ends after such a signal has not failed, and is not replaced.
	Freeze()
	// Stop drains and stops all instances, and returns when none is left. When ctx
	// ends first, the remaining ones are killed.
	Stop(ctx context.Context)
	Movable
}

// Settings are those of one kind of fleet, such as local.Settings. Each
// implementation takes its own type only.
type Settings interface {
	// Kind names the kind of fleet: "local".
	Kind() string
	// New returns a fleet of that kind with these settings. It does nothing until
	// Run.
	New(options Options) Fleet
}

// Options are what every kind of fleet works with. All but App and Output are required.
type Options struct {
	// App is the name of the app.
	App string
	// Registry holds the instances.
	Registry *registry.Registry
	// Board is where the fleet reports its state.
	Board *notice.Board
	// Log gets the entries of the fleet.
	Log *slog.Logger
	// Output gets the output of the instances; writing to it may block. Nil: Log.
	Output *slog.Logger
}

var (
	// ErrRestarting reports that a restart does not begin because another one is under
	// way.
	ErrRestarting = errors.New("a restart is under way")
	// ErrSuperseded reports that a restart ended because other settings began another
	// one.
	ErrSuperseded = errors.New("restart instances: superseded by another config change")
	// ErrNoInstance reports that the fleet has no instance of an ID.
	ErrNoInstance = errors.New("there is no such instance")
	// ErrNotServing reports that an instance is not replaced because it has not become
	// ready yet, or drains already.
	ErrNotServing = errors.New("the instance is not in service")
	// ErrKind reports settings that belong to another kind of fleet.
	ErrKind = errors.New("configure fleet: the kind of fleet cannot change while dynlb runs; restart dynlb")
)
