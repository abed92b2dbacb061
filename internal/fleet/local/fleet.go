// Package local is the fleet of processes on this machine. It starts instances,
// waits until they are ready, checks their health, replaces those that fail, and
// drains and stops those above the target.
//
// One loop (Run) owns all facts about the children and never blocks. Each child
// has a goroutine (manage) that does the slow work and reports to the loop. The
// fleet records every step of an instance in the registry. It knows nothing of
// requests, apart from two facts that the registry has: when an instance has
// drained, and when it last made progress with a request.
package local

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/fleet/probe"
	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/account"
	"github.com/dynlb/dynlb/internal/process/procfs"
	"github.com/dynlb/dynlb/internal/registry"
)

// proc is what the fleet needs of a running process: *process.Process, or a
// scripted one in tests.
type proc interface {
	PID() int
	Usage() (procfs.Usage, error)
	Done() <-chan struct{}
	Exit() process.Exit
	Stop(ctx context.Context, timeout time.Duration) process.Exit
	Release() (stdoutBegun, stderrBegun []byte)
	Tail() []string
	Dropped() uint64
	ListensOn(port int) (procfs.Listening, error)
	OwnsSocket(path string) (owned bool, owner int, err error)
}

// machinery is what the fleet needs of the machine; tests have a scripted one.
type machinery struct {
	launch  func(process.Spec) (proc, error) // starts a process
	probe   probe.Prober                     // sends a health check
	bind    func(port int) error             // listens on a port for a moment
	runtime func(user *account.User) string  // the folder for the sockets of instances
	adopted func(app string) []taken         // the instances that run already
}

// Fleet runs the instances. Create one with New and call Run once.
type Fleet struct {
	fleet.Options
	machinery
	ports   *Ports                  // of the machine
	inForce atomic.Pointer[inForce] // the only copy of the settings; the loop replaces it
	calls   chan func()             // work for the loop, from the methods and from manage
	done    chan struct{}           // closed when Run has returned
	left    chan struct{}           // closed when another process goes on with the instances
	before  *saved                  // what another process has saved; nil: nothing. Read by Run

	// Owned by the loop:

	killNow             func() // ends killCtx: kills all children without a drain
	target              int
	reason              string        // why target has its value
	children            []*child      // in start order
	generation          int           // of the children that are started now
	program             *Program      // what they run
	rollout             *rollout      // nil while there is none
	staging             *staging      // nil while there is none
	pendingReplacements []replacement // of failed children, in the order of their failures
	surplusReason       string        // why there are more than the target, if that did not change; or ""
	failedStarts        int           // since an instance was last ready
	backoff             backoff
	pacing              recyclePacing
	recycled            int         // number of children that had to be recycled
	sweptRuntime        string      // the runtime folder that was last searched for stale sockets
	retry               *time.Timer // fires when the backoff is over
	frozen              bool        // dynlb shuts down: what has been told to end is not replaced
	stopping            bool
	leaving             func() // called when no start is under way; nil: Leave was not called
}

// New returns a Fleet that does nothing until Run. The settings are in force until
// Configure.
func New(options fleet.Options, settings Settings) *Fleet {
	start := process.Start
	if settings.Keeper != nil {
		start = settings.Keeper.Start
	}
	return newFleet(options, settings, machinery{
		launch:  func(spec process.Spec) (proc, error) { return start(spec) },
		probe:   probe.HTTP,
		bind:    bindPort,
		runtime: runtimeFolder,
		adopted: adoptedFrom(settings.Keeper),
	})
}

func newFleet(options fleet.Options, settings Settings, m machinery) *Fleet {
	options.Output = cmp.Or(options.Output, options.Log)
	f := &Fleet{Options: options, machinery: m, ports: cmp.Or(settings.Ports, new(Ports)), calls: make(chan func()), done: make(chan struct{}), left: make(chan struct{})}
	now := newInForce(settings)
	f.program = &now.Program
	f.inForce.Store(now)
	return f
}

// Scale sets the target. See [fleet.Fleet].
func (f *Fleet) Scale(n int, reason string) {
	f.call(func() {
		if !f.stopping {
			f.target, f.reason = n, reason
		}
	})
}

// Stop drains and stops all instances. See [fleet.Fleet].
func (f *Fleet) Stop(ctx context.Context) {
	f.call(f.stop)
	select {
	case <-f.done:
	case <-ctx.Done():
		f.call(func() { f.killNow() })
		<-f.done
	}
}

// Run keeps the instances until Stop has stopped them all. See [fleet.Fleet].
func (f *Fleet) Run(ctx context.Context) {
	defer close(f.done)
	f.retry = time.NewTimer(0)
	defer f.retry.Stop()
	killCtx, killNow := context.WithCancel(ctx)
	defer killNow()
	f.killNow = killNow
	quit := ctx.Done()
	f.adopt(killCtx)
	for !f.hasLeft() && (!f.stopping || len(f.children) > 0) {
		select {
		case call := <-f.calls:
			call()
		case id := <-f.Registry.Suspects():
			f.onSuspect(id)
		case <-f.retry.C:
		case <-quit:
			quit = nil
			f.stop()
		}
		if f.leaving != nil {
			f.settle()
			continue
		}
		f.advanceStaging(killCtx)
		f.reconcile(killCtx)
	}
}

// stop sets the target to 0 for good. It runs in the loop.
func (f *Fleet) stop() {
	f.stopping = true
	f.target, f.reason = 0, "shutting down"
	if f.rollout != nil {
		f.endRollout(errStoppedRestart)
	}
	f.endStaging(registry.ErrClosed)
}

// call runs do in the loop and waits for it. It has no effect after Run has
// returned.
func (f *Fleet) call(do func()) {
	done := make(chan struct{})
	select {
	case f.calls <- func() { do(); close(done) }:
		<-done
	case <-f.done:
	}
}

// lookup returns an instance as the registry has it, and how many instances are
// ready.
func (f *Fleet) lookup(id registry.ID) (in registry.Instance, ready int) {
	now := f.Registry.Snapshot()
	for i := range now.Instances {
		if now.Instances[i].ID == id {
			in = now.Instances[i]
		}
	}
	return in, now.Count(registry.Ready)
}

// logRejected logs the error of a step that the registry rejected, if there is one.
// It is a bug in this package.
func (f *Fleet) logRejected(c *child, err error) {
	if err != nil {
		c.log.Error("registry rejected a step", "error", err)
	}
}
