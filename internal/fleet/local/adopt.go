package local

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/registry"
)

// Keeper starts processes as children of another process of dynlb, in which they outlive
// this one.
type Keeper interface {
	// Start is process.Start. The label of the spec comes back with Adopt.
	Start(process.Spec) (*process.Process, error)
	// Adopt returns the instances of an app that run already, and forgets them.
	Adopt(app string) []Running
}

// Label is what a fleet notes of an instance for a later run of dynlb.
type Label struct {
	App string `json:"app"`
	// Port is that of the instance, or Folder the folder of its socket.
	Port   int    `json:"port,omitempty"`
	Folder string `json:"folder,omitempty"`
	// Version and Program say what it runs: Program is the same for programs without
	// differences.
	Version string `json:"version,omitempty"`
	Program string `json:"program"`
}

// Running is an instance that runs already.
type Running struct {
	ID      registry.ID
	PID     int
	Label   Label
	Started time.Time
	// Stopping says that it was told to end.
	Stopping bool
	// Process returns its process. It is called once; pipes may change what its output
	// begins with.
	Process func(pipes func(*process.Pipes), output func(process.Line) error, dropped func(uint64)) *process.Process
}

// label returns the Label of a child, as the keeper keeps it.
func (f *Fleet) label(c *child) []byte {
	l := Label{App: f.App, Port: c.place.port, Version: c.program.Version, Program: c.program.fingerprint()}
	if c.place.folder != nil {
		l.Folder = c.place.folder.path
	}
	text, _ := json.Marshal(l) // of plain values
	return text
}

// adopt takes over the instances that run already, as another process has left them.
// Without what that has saved, they are probed as if they had just been started, and the
// target is their number until Scale. It runs before the loop.
func (f *Fleet) adopt(killCtx context.Context) {
	known := f.restore()
	for _, r := range f.adopted(f.App) {
		f.takeOver(killCtx, r, known[r.ID])
		if f.before == nil && !r.Stopping {
			f.target, f.reason = f.target+1, "taken over"
		}
	}
	f.dropMissing()
}

// taken is a Running whose process may be a scripted one.
type taken struct {
	Running
	process func(pipes func(*process.Pipes), output func(process.Line) error, dropped func(uint64)) proc
}

// adoptedFrom returns the instances of a keeper; without one there are none.
func adoptedFrom(keeper Keeper) func(app string) []taken {
	return func(app string) (all []taken) {
		if keeper == nil {
			return nil
		}
		for _, r := range keeper.Adopt(app) {
			all = append(all, taken{r, func(pipes func(*process.Pipes), output func(process.Line) error, dropped func(uint64)) proc {
				return r.Process(pipes, output, dropped)
			}})
		}
		return all
	}
}

// dropMissing removes the instances from the registry that do not run any more.
func (f *Fleet) dropMissing() {
	now := f.Registry.Snapshot()
	for i := range now.Instances {
		in := &now.Instances[i]
		if slices.ContainsFunc(f.children, func(c *child) bool { return c.id == in.ID }) {
			continue
		}
		if err := f.Registry.Transition(in.ID, registry.Stopped, "ended while dynlb was taken over"); err != nil {
			f.Log.Error("registry rejected a step", "error", err)
		}
	}
}

// takeOver takes over one instance; before is what is known of it, or nil. One that runs
// another program than the present one is outdated. One that was told to end is stopped.
func (f *Fleet) takeOver(killCtx context.Context, r taken, before *savedChild) {
	at := place{port: r.Label.Port}
	if r.Label.Folder != "" {
		at = place{folder: &socketFolder{path: r.Label.Folder}} // the keeper has the lock
	} else {
		f.ports.claim(at.port)
	}
	life, endLife := context.WithCancel(killCtx)
	c := newChild(at, endLife, f.Log)
	c.id = r.ID
	c.log = f.Log.With(slog.String("instance", string(c.id)), at.attr())
	if v := r.Label.Version; v != "" {
		c.log = c.log.With(slog.String("version", v))
	}
	c.generation, c.program = f.generation, f.program
	c.restore(before)
	if r.Label.Program != f.program.fingerprint() {
		c.generation = min(c.generation, f.generation-1)
	}
	in, _ := f.lookup(c.id)
	if in.State == registry.Unspecified {
		f.Registry.Add(registry.Spec{
			ID: c.id, Endpoint: at.endpoints()[0], Port: at.port, Version: r.Label.Version, Reason: "taken over",
		})
	}
	c.staged = in.Staged
	f.children = append(f.children, c)
	p := r.process(before.pipes(), f.output(c), f.dropped(c))
	c.log.Info("instance taken over", "pid", p.PID())
	f.onLaunch(c, p)
	readyAt := f.resumeChild(c, &in, r.Stopping || before != nil && before.Ending)
	go f.accompany(life, killCtx, c, p, readyAt) // ends with the process; Run waits for its last report
}

// resumeChild has a child go on in the state that the registry has of it, and returns where
// it is ready, or zero. ending says that it is to end.
func (f *Fleet) resumeChild(c *child, in *registry.Instance, ending bool) (at registry.Endpoint) {
	switch in.State {
	case registry.Draining:
		c.phase, c.drained = phaseDraining, f.Registry.Drained(c.id)
		c.endLife()
		return at
	case registry.Ready, registry.Unhealthy:
		c.phase, c.endpoint, c.readyAt, at = phaseServing, in.Endpoint, in.ReadyAt, in.Endpoint
	default:
	}
	switch {
	case ending:
		f.drain(c, "it was being stopped")
	case c.staged:
		f.drain(c, "dynlb was taken over during the deploy")
	}
	return at
}

// restore has a child be as another process has left it. Nil: nothing is known.
func (c *child) restore(s *savedChild) {
	if s == nil {
		return
	}
	c.generation, c.wasReady, c.drainReason = s.Generation, s.WasReady, s.DrainReason
	c.failedChecks, c.failedLiveness, c.notReady = s.FailedChecks, s.FailedLiveness, s.NotReady
	c.recycleReason, c.recycleTurn, c.memoryEarly, c.suspended = s.RecycleReason, s.RecycleTurn, s.MemoryEarly, s.Suspended
	if s.ReplaceReason != "" {
		c.replaceReason = errors.New(s.ReplaceReason)
	}
}
