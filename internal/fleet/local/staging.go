package local

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// staging is a deploy: staged children of another program run beside the others.
//
//	start staged children, as many as a part of the target
//	one of them fails  ──► all of them drain, and the others stay
//	promoted, and as many are ready as the target is
//	                   ──► the others drain, and the staged ones take their place
type staging struct {
	program *Program
	part    float64
	reason  string
	promote string // why they replace the others; "" if they do not yet
	last    fleet.Progress
	out     *fleet.Staging
}

// Stage starts instances of another version. See [fleet.Stager].
func (f *Fleet) Stage(settings fleet.Settings, part float64, reason string) (*fleet.Staging, error) {
	own, ok := settings.(Settings)
	if !ok {
		return nil, fleet.ErrKind
	}
	s := &staging{program: &own.Program, part: part, reason: reason, out: fleet.NewStaging()}
	err := fmt.Errorf("stage instances: %w", registry.ErrClosed)
	f.call(func() {
		switch {
		case f.stopping, f.frozen:
		case f.staging != nil:
			err = fleet.ErrDeploying
		case f.rollout != nil:
			err = fleet.ErrRestarting
		default:
			f.staging, err = s, nil
		}
	})
	if err != nil {
		return nil, err
	}
	return s.out, nil
}

// Resize changes how many staged instances there are. See [fleet.Stager].
func (f *Fleet) Resize(part float64) {
	f.call(func() {
		if f.staging != nil {
			f.staging.part = part
		}
	})
}

// Promote replaces the others by the staged instances. See [fleet.Stager].
func (f *Fleet) Promote(reason string) {
	f.call(func() {
		if f.staging != nil {
			f.staging.part, f.staging.promote = 1, reason
		}
	})
}

// Abandon drains the staged instances. See [fleet.Stager].
func (f *Fleet) Abandon(err error) { f.call(func() { f.endStaging(err) }) }

// The methods below run in the loop.

// wanted returns how many staged children there are to be.
func (s *staging) wanted(target int) int {
	return max(1, int(math.Ceil(s.part*float64(target))))
}

// advanceStaging starts and drains staged children, and promotes them when that is asked
// for and they are ready.
func (f *Fleet) advanceStaging(killCtx context.Context) {
	s := f.staging
	if s == nil {
		return
	}
	var active []*child
	starting := 0
	for _, c := range f.children {
		if c.staged && c.active() {
			active = append(active, c)
			if c.phase == phaseStarting {
				starting++
			}
		}
	}
	wanted := s.wanted(f.target)
	for ; len(active) > wanted; active = active[:len(active)-1] {
		f.drain(active[len(active)-1], f.reason)
	}
	// Those that serve keep their cores while others start.
	for n := len(active); n < wanted && starting < cores; n++ {
		if err := f.startStaged(killCtx); err != nil {
			f.endStaging(err)
			return
		}
		starting++
	}
	if now := (fleet.Progress{Ready: f.stagedReady(), Wanted: wanted}); now != s.last {
		s.last = now
		s.out.Report(now)
	}
	if s.promote != "" && s.last.Ready >= wanted {
		f.promoteStaged()
	}
}

// stagedReady returns how many staged children get requests, or would with a share.
func (f *Fleet) stagedReady() (n int) {
	now := f.Registry.Snapshot()
	for i := range now.Instances {
		if in := &now.Instances[i]; in.Staged && in.State == registry.Ready {
			n++
		}
	}
	return n
}

// startStaged starts a staged child.
func (f *Fleet) startStaged(killCtx context.Context) error {
	at, err := f.choosePlace(f.staging.program)
	if err != nil {
		return err
	}
	f.begin(killCtx, newStart{at: at, program: f.staging.program, reason: f.staging.reason, staged: true})
	return nil
}

// promoteStaged puts the staged children in the place of the others.
func (f *Fleet) promoteStaged() {
	s := f.staging
	f.staging = nil
	f.Registry.SetShare(1) // from this moment on, the others get no request
	f.generation++
	for _, c := range slices.Clone(f.children) {
		switch {
		case !c.active():
		case c.staged:
			c.staged, c.generation = false, f.generation
		default:
			f.drain(c, s.promote)
		}
	}
	f.Registry.Unstage()
	settings := *f.settings()
	settings.Program = *s.program
	f.apply(settings)
	f.pendingReplacements = nil // the failed instances were of the other version
	f.failedStarts, f.backoff = 0, backoff{}
	f.Board.SetTrouble("")
	s.out.Done <- nil
}

// endStaging drains the staged children.
func (f *Fleet) endStaging(err error) {
	s := f.staging
	if s == nil {
		return
	}
	f.staging = nil
	f.Registry.SetShare(0)
	for _, c := range f.children {
		if c.staged && c.active() {
			f.drain(c, "deploy ended: "+err.Error())
		}
	}
	s.out.Done <- err
}

// onStagedEnd handles the end of a staged child.
func (f *Fleet) onStagedEnd(c *child, end ending) {
	reason := end.reason()
	if !f.failed(c, end) {
		c.log.Info("instance stopped", "exit", reason, "reason", c.drainReason)
		return
	}
	c.log.Error("instance failed", "reason", reason)
	f.endStaging(stagedError(c, reason))
}

// stagedError returns the error of a staging whose child c has failed.
func stagedError(c *child, reason string) error {
	if c.readyAt.IsZero() {
		return fmt.Errorf("an instance of the new version did not become ready: %s", reason)
	}
	return fmt.Errorf("an instance of the new version failed: %s", reason)
}
