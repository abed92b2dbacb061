package local

import (
	"context"
	"encoding/json"
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
	// Process returns its process. It is called once.
	Process func(output func(process.Line) error, dropped func(uint64)) *process.Process
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

// adopt takes over the instances that run already: they are probed as if they had just
// been started. The target is their number until Scale. It runs before the loop.
func (f *Fleet) adopt(killCtx context.Context) {
	keeper := f.settings().Keeper
	if keeper == nil {
		return
	}
	for _, r := range keeper.Adopt(f.App) {
		f.takeOver(killCtx, r)
		if !r.Stopping {
			f.target, f.reason = f.target+1, "taken over"
		}
	}
}

// takeOver takes over one instance. One that runs another program than the present one is
// outdated. One that was told to end is stopped.
func (f *Fleet) takeOver(killCtx context.Context, r Running) {
	at := place{port: r.Label.Port}
	if r.Label.Folder != "" {
		at = place{folder: &socketFolder{path: r.Label.Folder}} // the keeper has the lock
	} else {
		f.ports.claim(at.port)
	}
	life, endLife := context.WithCancel(killCtx)
	c := newChild(at, endLife, f.Log)
	c.id = r.ID
	c.log = f.Log.With("instance", string(c.id), at.attr())
	c.generation, c.program = f.generation, f.program
	if r.Label.Program != f.program.fingerprint() {
		c.generation--
	}
	if v := r.Label.Version; v != "" {
		c.log = c.log.With("version", v)
	}
	f.children = append(f.children, c)
	f.Registry.Add(registry.Spec{
		ID: c.id, Endpoint: at.endpoints()[0], Port: at.port, Version: r.Label.Version, Reason: "taken over",
	})
	c.log.Info("instance taken over", "pid", r.PID)
	f.onLaunch(c, r.PID)
	if r.Stopping {
		f.drain(c, "it was being stopped")
	}
	p := r.Process(f.output(c), f.dropped(c))
	go f.accompany(life, killCtx, c, p) // ends with the process; Run waits for its last report
}
