// Package app is one app that dynlb balances: its instances, their number, the
// requests that wait for one, and what is reported of it. Apps share nothing but
// the process and the machine: a daemon runs a [Set] of them behind one proxy and one
// control plane, and they take their ports and their part of the machine from one place.
package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/autoscaler"
	"github.com/dynlb/dynlb/internal/deploy"
	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/route"
)

// Settings are the part of an app's configuration that a reload can change. Each
// part of the app keeps its own settings that are in force.
type Settings struct {
	Registry registry.Options
	Scaling  autoscaler.Settings
	Fleet    fleet.Settings  // of the configured version
	Versions deploy.Versions // that may be deployed in its place
	Requests route.Settings
}

// Options say what an app is made of.
type Options struct {
	// Name is the name in logs and in the control plane.
	Name string
	// Settings are in force until Configure.
	Settings Settings
	// Log gets the entries of the app, with its name. Required.
	Log *slog.Logger
	// Room is what the machine has left for the instances of all apps. Nil: nothing holds
	// their number back.
	Room *autoscaler.Room
	// Running is how many of its instances run already.
	Running int
	// Store keeps the version in force over a restart of dynlb. Nil: it is not kept.
	Store deploy.Store
	// DeployEnded is called when a deploy of the app has ended. Nil: nothing is.
	DeployEnded func()
	// InstanceLog gets the output of its instances, with its name. Nil: Log.
	InstanceLog *slog.Logger
	// Sequence numbers the events of all apps. Nil: those of this app alone.
	Sequence *notice.Sequence
	// Record keeps what the board shows, until ctx ends; the last event is there by then.
	// Nil: nothing is kept.
	Record func(ctx context.Context, board *notice.Board)
}

// App is one app: its instances, and what routes, scales and reports on them. Create
// one with New and call Run once. The other methods wait until Run has begun, and
// are safe for concurrent use.
type App struct {
	Name     string
	Registry *registry.Registry     // the instances, and which one gets the next request
	Board    *notice.Board          // what is reported of the app
	Route    *route.App             // the app as the data plane knows it
	Fleet    fleet.Fleet            // runs the instances
	Scaler   *autoscaler.Autoscaler // decides on their number
	Deploys  *deploy.Deployer       // puts other versions in force
	Log      *slog.Logger           // with the name

	record      func(ctx context.Context, board *notice.Board)
	endScaling  func()        // closes stopScaling, once
	stopScaling chan struct{} // closed when the scaler must end
	scalingDone chan struct{} // closed when the scaler has ended
}

// New returns an app that runs nothing until Run.
func New(o Options) *App {
	a := &App{
		Name: o.Name, Log: o.Log.With("app", o.Name),
		stopScaling: make(chan struct{}), scalingDone: make(chan struct{}),
	}
	a.endScaling = sync.OnceFunc(func() { close(a.stopScaling) })
	instanceLog := a.Log
	if o.InstanceLog != nil {
		instanceLog = o.InstanceLog.With("app", o.Name)
	}
	a.Registry = registry.New(o.Settings.Registry)
	a.record = o.Record
	if o.Sequence == nil {
		o.Sequence = new(notice.Sequence)
	}
	a.Board = notice.NewNumbered(a.Registry, o.Sequence)
	a.Board.SetThresholds(notice.Thresholds(o.Settings.Scaling.Thresholds))
	a.Route = route.NewApp(o.Name, a.Registry, o.Settings.Requests)
	kept, settings := deploy.Restore(o.Store, o.Name, o.Settings.Versions, o.Settings.Fleet, a.Log)
	a.Fleet = settings.New(fleet.Options{App: o.Name, Registry: a.Registry, Board: a.Board, Log: a.Log, Output: instanceLog})
	a.Scaler = autoscaler.New(autoscaler.Options{Board: a.Board, Fleet: a.Fleet, Pool: a.Registry, Running: o.Running, Room: o.Room, Log: a.Log}, o.Settings.Scaling)
	a.Deploys = deploy.New(deploy.Options{
		App: o.Name, Fleet: a.Fleet, Registry: a.Registry, Board: a.Board, Log: a.Log, Store: o.Store, Ended: o.DeployEnded,
	}, o.Settings.Versions, kept)
	return a
}

// Run runs the instances and adjusts their number until Stop. When ctx ends, the
// instances are killed at once. It returns when none is left.
func (a *App) Run(ctx context.Context) {
	defer a.startRecord(ctx)()
	scaling, cancelScaling := context.WithCancel(ctx)
	defer cancelScaling()
	var running sync.WaitGroup
	running.Go(func() {
		a.Fleet.Run(ctx)
		a.Deploys.Close()
	})
	running.Go(func() {
		defer close(a.scalingDone)
		a.Scaler.Run(scaling)
	})
	running.Go(func() { // ends with Freeze, which Stop calls, or with ctx
		select {
		case <-a.stopScaling:
			cancelScaling()
		case <-scaling.Done():
		}
	})
	running.Wait()
}

// startRecord has what the board shows kept until the function that it returns is called.
func (a *App) startRecord(ctx context.Context) (stop func()) {
	if a.record == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { // ends with stop, which waits for it
		defer close(done)
		a.record(ctx, a.Board)
	}()
	return func() {
		cancel()
		<-done
	}
}

// Try gives the instances their part of settings, which may take a rolling restart.
// The channel gets nil when all instances have it: then Configure applies the rest. If
// it gets an error, the instances have their previous settings again.
func (a *App) Try(settings Settings) <-chan error {
	own, err := a.Deploys.Settings(settings.Versions)
	if err != nil {
		failed := make(chan error, 1)
		failed <- err
		return failed
	}
	return a.Fleet.Configure(own)
}

// Configure applies, at once, what Try does not. It cannot fail.
func (a *App) Configure(settings Settings) {
	a.Registry.Configure(settings.Registry)
	a.Route.Configure(settings.Requests)
	a.Scaler.Configure(settings.Scaling)
	a.Board.SetThresholds(notice.Thresholds(settings.Scaling.Thresholds))
	a.Deploys.Configure(settings.Versions)
}

// InFlight returns how many requests are at the instances.
func (a *App) InFlight() int {
	n, state := 0, a.Registry.Snapshot()
	for i := range state.Instances {
		n += state.Instances[i].InFlight
	}
	return n
}

// Freeze keeps the target as it is from now on, and has instances that are told to end
// not replaced. It is the first step of a shutdown.
func (a *App) Freeze() {
	a.endScaling()
	<-a.scalingDone
	a.Fleet.Freeze()
}

// Close ends the queue of requests and the watches. The instances keep running.
func (a *App) Close() { a.Registry.Close() }

// The time that Retire gives requests that were routed and have not asked for an instance
// yet: they wait for content (policy.FirstContentWait). retirePoll is the time between two
// looks at the queue.
const (
	retireSettle = time.Second
	retirePoll   = 20 * time.Millisecond
)

// Retire ends an app that gets no new requests: those that it has finish first. It takes
// no longer than the limit, and ends at once with ctx or Stop. It returns when no
// instance is left.
func (a *App) Retire(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	for time.Since(began) < retireSettle || a.Registry.Waiting() > 0 {
		select {
		case <-time.After(retirePoll):
			continue
		case <-ctx.Done():
		case <-a.stopScaling: // Stop is near
		}
		break
	}
	a.Close()
	a.Freeze()
	a.Fleet.Scale(0, "the app was removed") // before Stop, which has another reason
	a.Stop(ctx)
	a.Log.Info("app ended")
}

// Stop drains and stops all instances, and kills those that remain when ctx ends.
// It returns when none is left.
func (a *App) Stop(ctx context.Context) {
	a.Freeze()
	a.Fleet.Stop(ctx)
}
