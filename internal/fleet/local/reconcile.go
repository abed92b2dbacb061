package local

import (
	"cmp"
	"context"
	"runtime"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// cores is how many processors dynlb may use, as Go found at the start: the daemon has Go
// run one goroutine more than that.
var cores = runtime.GOMAXPROCS(0)

// reconcile starts and drains children until their number is the target, or as
// near to it as the backoff and a rollout allow. killCtx ends when there is no time
// to drain.
func (f *Fleet) reconcile(killCtx context.Context) {
	target := f.target + f.advanceRollout()
	active, starting, undecided := 0, 0, 0
	for _, c := range f.children {
		if !c.active() || c.staged {
			continue
		}
		active++
		if c.phase == phaseStarting {
			starting++
			if c.notReady == "" {
				undecided++
			}
		}
	}
	// A failed child that is above the target now is not replaced.
	n := min(len(f.pendingReplacements), max(0, target-active))
	f.pendingReplacements = f.pendingReplacements[:n]
	if undecided == 0 && active >= target { // no start is outstanding
		f.Board.SetNotReady(f.notReadyReason())
	}
	if active == 0 && target == 0 {
		f.failedStarts = 0 // the next request that waits has an instance started
	}
	// One failed start may be a chance. After two, the next one is expected to fail.
	f.Registry.SetHopeless(f.failedStarts > 1 && active == starting && undecided == starting)
	for ; active > target; active-- {
		f.drain(f.nextToStop(), cmp.Or(f.surplusReason, f.reason))
	}
	f.surplusReason = ""
	for ; active < target; active++ {
		if f.takeBack() {
			continue // faster and cheaper than a start
		}
		if wait := f.backoff.wait(time.Now()); wait > 0 {
			f.retry.Reset(wait)
			return
		}
		// After failures the number of starts at a time is limited: all at once
		// would take the cores from the instances that still serve. The next report
		// of a child that starts continues here.
		if f.backoff.failures > 0 && starting >= cores {
			return
		}
		if !f.start(killCtx) {
			return
		}
		starting++
	}
}

// start starts one child. It returns false when there is no port or socket for it.
func (f *Fleet) start(killCtx context.Context) bool {
	at, err := f.choosePlace(f.program)
	if err != nil {
		f.failedStarts++
		f.backoff.fail(time.Now(), time.Time{})
		f.Board.SetTrouble(err.Error())
		f.Log.Error("no instance started", "error", err)
		f.retry.Reset(f.backoff.wait(time.Now()))
		return false
	}
	reason, replacement := f.settleReplacement()
	if replacement {
		f.Board.CountRestart()
	}
	f.begin(killCtx, newStart{at: at, program: f.program, reason: reason})
	return true
}

// newStart is what a child is started with.
type newStart struct {
	at      place
	program *Program
	reason  string
	staged  bool
}

// begin begins the life of a child.
func (f *Fleet) begin(killCtx context.Context, s newStart) {
	life, endLife := context.WithCancel(killCtx)
	c := newChild(s.at, endLife, f.Log)
	c.generation, c.program, c.staged = f.generation, s.program, s.staged
	if s.program.Version != "" {
		c.log = c.log.With("version", s.program.Version)
	}
	f.children = append(f.children, c)
	f.Registry.Add(registry.Spec{
		ID: c.id, Endpoint: s.at.endpoints()[0], Port: s.at.port, Version: s.program.Version, Staged: s.staged, Reason: s.reason,
	})
	c.log.Info("instance starting", "reason", s.reason)
	go f.manage(life, killCtx, c) // ends with the process; Run waits for its last report
}
