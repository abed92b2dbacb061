package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/registry"
)

// phase is the stage of a child's life, as the loop sees it.
type phase uint8

const (
	phaseStarting phase = iota // not ready yet
	phaseServing               // was ready
	phaseDraining              // gets no new requests; may be taken back
	phaseStopping              // its process is being stopped
)

// child is one instance and its process.
type child struct {
	id       registry.ID
	place    place
	program  *Program
	log      *slog.Logger
	checkNow chan struct{} // capacity 1: it is suspect, and must show that it is ready
	recall   chan struct{} // capacity 1: it is taken back from its drain

	usageUnsupported bool // owned by manage: the log has the reason

	// Owned by the loop:

	proc           proc // nil before its process runs
	phase          phase
	endLife        func()            // ends the life that manage sees: the child drains and stops
	generation     int               // the number of rollouts before its start
	staged         bool              // it is of the version that is being deployed; see staging
	endpoint       registry.Endpoint // where it answered; zero until it was ready
	readyAt        time.Time         // when it was first ready
	wasReady       bool              // it was ready and worked when its drain began: it may be taken back
	drained        <-chan struct{}   // closed when no request is in flight; set when its drain begins
	drainReason    string            // why its drain began
	failedChecks   int               // health checks failed in a row
	silentChecks   int               // those of them in a row that got no answer
	failedLiveness int               // checks of livenessPath failed in a row
	notReady       string            // why it is not ready, as it answered last; "" if it is
	lastAnswer     error             // to a failed health check since the last successful one; nil if none
	silence        silence           // while silentChecks > 0
	recycleReason  string            // why it is to be recycled; "" if it is not
	recycleTurn    int               // its place in the order of these; 0 if it is not
	memoryEarly    bool              // it reached maxMemory soon after its start
	replaceReason  error             // why it is replaced while its process runs; nil if it is not
	suspended      bool              // replaceReason is that it is suspended
}

func newChild(at place, endLife func(), log *slog.Logger) *child {
	c := &child{
		id:       registry.NewID(),
		place:    at,
		endLife:  endLife,
		checkNow: make(chan struct{}, 1),
		recall:   make(chan struct{}, 1),
	}
	c.log = log.With(slog.String("instance", string(c.id)), at.attr())
	return c
}

// active reports whether the child counts towards the target.
func (c *child) active() bool { return c.phase <= phaseServing }

// manage is the goroutine of a child. It does all that takes time in the child's
// life, from start to end, and reports to the loop. life ends when the child is to
// drain and stop, killCtx when there is no time to drain.
func (f *Fleet) manage(life, killCtx context.Context, c *child) {
	p, err := f.launch(f.spec(c))
	if err != nil {
		c.freePlace()
		f.call(func() { f.onEnd(c, ending{err: err}) })
		return
	}
	f.call(func() { f.onLaunch(c, p) })
	f.accompany(life, killCtx, c, p, registry.Endpoint{})
}

// accompany is the part of manage from the start of the process on. at is where it is
// ready already, or zero.
func (f *Fleet) accompany(life, killCtx context.Context, c *child, p proc, at registry.Endpoint) {
	err := f.serve(life, c, p, at)
	suspended := false
	for life.Err() != nil && !f.hasLeft() {
		err = nil
		var drained <-chan struct{}
		drained, suspended = f.drainState(c)
		if f.awaitDrained(killCtx, c, p, drained, suspended) && f.beginStop(killCtx, c, drained) {
			break
		}
		life, at = f.resume(killCtx, c) //nolint:fatcontext // not nested: each life is a child of killCtx
		err = f.serve(life, c, p, at)
	}
	if f.hasLeft() {
		return // it belongs to another process
	}
	unasked := hasEnded(p)
	grace := f.settings().StopTimeout
	if suspended || errors.Is(err, errSuspended) { // a suspended process does not handle SIGTERM
		grace = min(grace, f.settings().HealthTimeout)
	}
	exit := p.Stop(killCtx, grace)
	end := ending{err: err, exit: &exit, unasked: unasked}
	if unasked && exit.Own() {
		end.requests = f.awaitCasualties(c, exit.Reason)
	}
	c.freePlace()
	f.call(func() { f.onEnd(c, end) })
}

// freePlace removes the socket of a child that has ended.
func (c *child) freePlace() {
	if err := c.place.folder.remove(); err != nil {
		c.log.Warn("socket not removed", "error", err)
	}
}

// hasEnded reports whether the process has ended.
func hasEnded(p proc) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// serve waits until the child is ready and then checks its health. at is where
// the child is ready already, or zero. It returns the error of life when that has
// ended, or why the child must be replaced.
func (f *Fleet) serve(life context.Context, c *child, p proc, at registry.Endpoint) error {
	for {
		if at == (registry.Endpoint{}) {
			var err error
			if at, err = f.awaitReady(life, c, p); err != nil {
				f.call(func() { f.onNotReady(c, err) })
				return err
			}
			f.call(func() { f.onReady(c, at) })
		}
		if suspect, err := f.watchHealth(life, c, p, at); !suspect {
			return err
		}
		at = registry.Endpoint{}
	}
}

// onLaunch handles the start of the child's process. It runs in the loop.
func (f *Fleet) onLaunch(c *child, p proc) {
	c.proc = p
	c.log.Debug("process started", "pid", p.PID())
	f.logRejected(c, f.Registry.SetHandle(c.id, fmt.Sprintf("pid %d", p.PID())))
}

// spec describes the child's process.
func (f *Fleet) spec(c *child) process.Spec {
	env := os.Environ()
	for _, name := range slices.Sorted(maps.Keys(c.program.FileEnv)) {
		env = append(env, name+"="+c.program.FileEnv[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.program.Env)) {
		env = append(env, name+"="+c.place.expand(c.program.Env[name]))
	}
	env = append(c.place.environ(env), "DYNLB_APP="+f.App)
	if version := c.program.Version; version != "" {
		env = append(env, "DYNLB_VERSION="+version)
	}
	return process.Spec{
		Argv:    c.place.argv(c.program),
		User:    c.program.Account,
		Mark:    orphan.NewMark(string(c.id)),
		Env:     env,
		Dir:     c.program.WorkDir,
		Output:  f.output(c),
		Dropped: f.dropped(c),
		Label:   f.label(c),
		Held:    c.place.folder.held(),
	}
}

// output returns what logs the lines that the child prints.
func (f *Fleet) output(c *child) func(process.Line) error {
	output := f.Output.With(slog.String("instance", string(c.id)), c.place.attr())
	if version := c.program.Version; version != "" {
		output = output.With(slog.String("version", version))
	}
	return func(line process.Line) error { return logLine(output, line) }
}

// dropped returns what reports lines that were dropped.
func (f *Fleet) dropped(c *child) func(uint64) {
	return func(lines uint64) {
		c.log.Warn("output lines dropped: the log is not read fast enough", "droppedLines", lines)
		_ = f.Registry.SetLinesDropped(c.id, lines) // fails only when the instance has ended
	}
}

// logLine logs a line of the child's output. It fails if the log drops the line, which
// slog.Logger.Info does not tell.
func logLine(log *slog.Logger, line process.Line) error {
	ctx := context.Background()
	if !log.Enabled(ctx, slog.LevelInfo) {
		return nil
	}
	r := slog.NewRecord(time.Now(), slog.LevelInfo, line.Text, 0)
	r.AddAttrs(slog.String("stream", line.Stream))
	return log.Handler().Handle(ctx, r)
}
