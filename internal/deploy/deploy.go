// Package deploy puts other versions of an app in force. The instances of a new version
// run beside those of the present one, until it has shown that it is ready, and perhaps
// that it serves a part of the requests as well as the present one. Then it gets all
// requests, and the others drain. If it does not, it drains, and nothing has changed.
//
// The version in force is kept over a restart of dynlb. A deploy that has not ended by then
// has no effect: the present version runs.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// Defaults and bounds of an Order.
const (
	// DefaultFor is how long a canary takes.
	DefaultFor = 5 * time.Minute
	// DefaultFactor is how many times worse than the present version a canary may be.
	DefaultFactor = 2
	// DefaultMinRequests is how many requests a verdict on a canary needs.
	DefaultMinRequests = 50
)

// Why a deploy does not begin.
var (
	// ErrUnsupported reports a kind of fleet that cannot run two versions.
	ErrUnsupported = errors.New("this kind of fleet cannot run two versions at the same time")
	// ErrNoPrevious reports that there is no version to go back to.
	ErrNoPrevious = errors.New("there is no previous version: nothing was deployed")
)

// ErrRolledBack reports that a deploy has ended because of a rollback.
var ErrRolledBack = errors.New("rolled back by an operator")

// VersionError reports a version that cannot be deployed.
type VersionError struct{ error }

// Unwrap returns the reason.
func (e VersionError) Unwrap() error { return e.error }

// Order says how a version is deployed.
type Order struct {
	// Version is a name or an absolute path.
	Version string
	// Canary is the part of the requests that the new version gets at first, from 0 to
	// 1. Zero: there is no canary. For is how long that takes.
	Canary float64
	For    time.Duration
	// Factor is by how many times the rate of failures and the response times of the
	// canary may exceed those of the present version. MinRequests is how many requests
	// each must have had.
	Factor      float64
	MinRequests int
	// Reason is why, for people.
	Reason string
}

// Deployer deploys the versions of one app, one at a time. Create one with New. Its
// methods are safe for concurrent use.
type Deployer struct {
	Options
	running sync.WaitGroup

	mu       sync.Mutex // guards all below
	versions Versions
	kept     record
	run      *run // the one under way; nil if there is none
	closed   bool
}

// Options are what a Deployer works with. All but Store and Ended are required.
type Options struct {
	App      string
	Fleet    fleet.Fleet
	Registry *registry.Registry
	Board    *notice.Board
	Log      *slog.Logger
	// Store keeps the version in force. Nil: it is not kept.
	Store Store
	// Ended is called when a deploy has ended.
	Ended func()
}

// document is the name of the document of an app.
func (o *Options) document() string { return "deploy-" + o.App }

// Restore returns what was kept of an app, and the settings of the version in force. If
// that cannot run, they are those of the configured one, and the log says why.
func Restore(store Store, app string, versions Versions, configured fleet.Settings, log *slog.Logger) (kept Kept, settings fleet.Settings) {
	if store == nil {
		return Kept{}, configured
	}
	o := Options{App: app}
	found, err := store.Load(o.document(), &kept.record)
	switch {
	case err != nil:
		log.Error("deployed version is not known, the configured one runs", "error", err)
		return Kept{}, configured
	case !found:
		return Kept{}, configured
	case kept.Configured != identity(versions):
		log.Info("configured version runs, it has changed since the last deploy", "deployed", kept.Current.Label)
		return Kept{}, configured
	}
	if settings, err = versions.Settings(kept.Current); err != nil {
		log.Error("deployed version cannot run, the configured one does", "version", kept.Current.Label, "error", err)
		return Kept{}, configured
	}
	return kept, settings
}

// Kept is what Restore has found.
type Kept struct{ record }

// New returns a Deployer. kept is what Restore has returned.
func New(o Options, versions Versions, kept Kept) *Deployer {
	d := &Deployer{Options: o, versions: versions, kept: kept.record}
	d.kept.Configured = identity(versions)
	d.report()
	return d
}

// Settings returns the settings of the version in force with another config. A config that
// names another version than before counts again.
func (d *Deployer) Settings(versions Versions) (fleet.Settings, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept.Configured != identity(versions) {
		return versions.Settings(Version{})
	}
	settings, err := versions.Settings(d.kept.Current)
	if err != nil {
		return nil, fmt.Errorf("version %s: %w", d.label(d.kept.Current), err)
	}
	return settings, nil
}

// Configure puts another config in force. The instances have the settings that Settings
// returned for it.
func (d *Deployer) Configure(versions Versions) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.versions = versions
	if configured := identity(versions); configured != d.kept.Configured {
		deployed := d.kept.Previous != nil
		d.kept = record{Configured: configured}
		if deployed {
			d.saveLocked(&d.kept)
		}
	}
	d.report()
}

// Close waits until no deploy is under way, and has none begin. The fleet must have
// stopped.
func (d *Deployer) Close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.running.Wait()
}

// saveLocked keeps a record over a restart of dynlb.
func (d *Deployer) saveLocked(kept *record) {
	if d.Store == nil {
		return
	}
	if err := d.Store.Save(d.document(), kept); err != nil {
		d.Log.Error("deployed version not kept: after a restart of dynlb another one runs", "version", d.label(kept.Current), "error", err)
	}
}

// report puts the versions on the board, unless the fleet does.
func (d *Deployer) report() {
	if _, ok := d.Fleet.(fleet.Roller); ok {
		return
	}
	previous := ""
	if d.kept.Previous != nil {
		previous = d.label(*d.kept.Previous)
	}
	current := d.kept.Current.Label
	if d.kept.Current == (Version{}) {
		current, _ = d.versions.Configured()
	}
	d.Board.SetVersions(current, previous)
}

// Deploy puts a version in force, and calls progress with each step. It returns nil when
// the new version has all requests, or an error if it has none: a [VersionError],
// fleet.ErrDeploying, fleet.ErrRestarting, registry.ErrClosed, or why it failed. When ctx
// ends, Deploy returns its error and the deploy continues.
func (d *Deployer) Deploy(ctx context.Context, o Order, progress func(Step)) error {
	d.mu.Lock()
	versions := d.versions
	d.mu.Unlock()
	v, err := versions.Find(o.Version)
	if err != nil {
		return VersionError{err}
	}
	if roller, ok := d.Fleet.(fleet.Roller); ok {
		return d.deployByRollout(ctx, roller, v, o, progress)
	}
	r, err := d.begin(v, o, false)
	if err != nil {
		return err
	}
	return r.follow(ctx, progress)
}

// Rollback ends the deploy under way, or puts the previous version in force, as Deploy
// does.
func (d *Deployer) Rollback(ctx context.Context, reason string, progress func(Step)) error {
	roller, rolls := d.Fleet.(fleet.Roller)
	if r := d.current(); r != nil {
		r.cancel(fmt.Errorf("%w: %s", ErrRolledBack, reason))
		if err := r.follow(ctx, func(Step) {}); err != nil {
			version, name := d.inForce(), d.inForceName()
			if rolls {
				version, name = r.from, r.from
			}
			if errors.Is(err, ErrRolledBack) {
				progress(Step{Phase: Done, Version: version, Text: "the deploy of " + r.name + " has ended, " + name + " stays"})
				return nil
			}
			if ctx.Err() != nil || errors.Is(err, registry.ErrClosed) {
				return err
			}
			progress(Step{Phase: Done, Version: version, Text: "the deploy of " + r.name + " had failed: " + err.Error()})
			return nil
		}
		// It has just succeeded.
	}
	if rolls {
		return d.rollBack(ctx, roller, reason, progress)
	}
	d.mu.Lock()
	previous := d.kept.Previous
	d.mu.Unlock()
	if previous == nil {
		return ErrNoPrevious
	}
	r, err := d.begin(*previous, Order{Reason: reason}, true)
	if err != nil {
		return err
	}
	return r.follow(ctx, progress)
}

// UnderWay reports whether a deploy is under way. Ended is called after it no longer does.
func (d *Deployer) UnderWay() bool { return d.current() != nil }

// current returns the deploy under way, nil if there is none.
func (d *Deployer) current() *run {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.run
}

// inForce returns the label of the version in force, and inForceName how texts name it.
func (d *Deployer) inForce() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept.Current.Label
}

func (d *Deployer) inForceName() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.label(d.kept.Current)
}
