package kube

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/internal/sibling"
)

// Fleet has the pods of a Deployment as instances. Create one with New and call Run once.
type Fleet struct {
	fleet.Options
	calls     chan func()          // work for the loop
	done      chan struct{}        // closed when Run has returned
	steering  chan notice.Steering // capacity 1
	wake      chan struct{}        // capacity 1: the steward has something to do
	changes   sync.Mutex           // held during a restart or a deploy
	deploying atomic.Bool          // it is, or was, a deploy
	siblings  *sibling.Group

	// Owned by the loop:

	settings Settings
	source   *source
	steward  *steward
	endParts func() // ends the goroutines of source, steward and checks
	parts    *sync.WaitGroup
	spawn    func(func(context.Context)) // runs a check in one of them; nil while they end
	target   int
	scaled   bool // target was set
	reason   string
	pods     map[key]*pod
	ordered  []*pod // see inOrder; nil after a change
	checks   int    // health checks under way
	last     lastPicture
	frozen   bool
	stopping bool
	left     bool                              // another process goes on with the pods
	kill     bool                              // no drain is waited for
	moving   *migration                        // nil while there is none
	restored map[registry.ID]registry.Instance // not listed since Restore
}

// lastPicture is what was last seen of the source.
type lastPicture struct {
	endpoints map[key]endpoint
	known     bool
	stale     bool // the picture was too old at the last look
}

// New returns a Fleet that does nothing until Run. The settings are in force until Configure.
func New(options fleet.Options, settings Settings) *Fleet {
	f := &Fleet{
		Options: options, settings: settings, calls: make(chan func()), done: make(chan struct{}),
		steering: make(chan notice.Steering, 1), wake: make(chan struct{}, 1), pods: map[key]*pod{}, reason: "listed by the Service",
	}
	f.siblings = f.newSiblings()
	return f
}

// Steering implements autoscaler.Steered.
func (f *Fleet) Steering() <-chan notice.Steering { return f.steering }

// Run follows the pods until Stop. See [fleet.Fleet]. The pods run on when it returns.
func (f *Fleet) Run(ctx context.Context) {
	defer close(f.done)
	defer f.siblings.Close()
	parts, endParts := context.WithCancel(context.WithoutCancel(ctx))
	defer endParts()
	f.connect(parts)
	defer f.endSources()
	review := time.NewTicker(f.settings.paceOf().review)
	defer review.Stop()
	quit := ctx.Done()
	for !f.left && (!f.stopping || len(f.pods) > 0) {
		var changed <-chan struct{}
		if f.source != nil {
			changed = f.source.changed
		}
		select {
		case call := <-f.calls:
			call()
		case <-changed:
			f.applyPicture()
		case id := <-f.Registry.Suspects():
			f.onSuspect(id)
		case <-review.C:
			f.reviewPods()
		case <-quit:
			quit = nil
			f.kill = true
			f.stop()
		}
	}
}

// connect begins with the settings in force. It runs in the loop.
func (f *Fleet) connect(ctx context.Context) {
	c, err := newClient(&f.settings.Cluster)
	if err != nil {
		f.Log.Error("no fleet", "error", err)
		f.Board.SetTrouble(err.Error())
		return
	}
	f.begin(ctx, c)
}

// begin starts the goroutines that talk to the API server, after those from before have ended.
// It runs in the loop.
func (f *Fleet) begin(ctx context.Context, c *client) {
	f.endSources()
	ctx, cancel := context.WithCancel(ctx)
	f.endParts, f.parts = cancel, new(sync.WaitGroup)
	f.source = newSource(c, &f.settings.Cluster, f.settings.paceOf())
	f.steward = newSteward(f, c, &f.settings)
	source, steward := f.source, f.steward
	parts := f.parts
	parts.Go(func() { source.run(ctx) })
	parts.Go(func() { steward.run(ctx) })
	f.followSiblings(ctx, c)
	f.spawn = func(do func(context.Context)) { parts.Go(func() { do(ctx) }) }
}

// endSources ends these goroutines, and waits for them while the loop serves their calls.
func (f *Fleet) endSources() {
	if f.endParts == nil {
		return
	}
	f.endParts()
	f.spawn, f.checks = nil, 0
	for _, p := range f.pods {
		p.probing = false
	}
	ended := make(chan struct{})
	go func() { // ends with the goroutines
		defer close(ended)
		f.parts.Wait()
	}()
	for {
		select {
		case call := <-f.calls:
			call()
		case <-ended:
			f.endParts = nil
			return
		}
	}
}

// call runs do in the loop and waits for it. It has no effect after Run has returned.
func (f *Fleet) call(do func()) {
	done := make(chan struct{})
	select {
	case f.calls <- func() { do(); close(done) }:
		<-done
	case <-f.done:
	}
}

// wakeSteward has the steward look at once.
func (f *Fleet) wakeSteward() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Scale sets the target to n. See [fleet.Fleet].
func (f *Fleet) Scale(n int, reason string) {
	f.call(func() {
		if !f.stopping && !f.frozen {
			f.target, f.scaled, f.reason = n, true, reason
			f.wakeSteward()
		}
	})
}

// steer reports who sets the target.
func (f *Fleet) steer(s notice.Steering) {
	select {
	case <-f.steering:
	default:
	}
	f.steering <- s
}

// Freeze tells the fleet that dynlb is shutting down: from now on it leaves the Deployment as
// it is. See [fleet.Fleet].
func (f *Fleet) Freeze() { f.call(func() { f.frozen = true }) }

// Stop ends the use of the pods, and returns when no request is in flight. The pods run on:
// another dynlb may send them requests, or this one when it is back. See [fleet.Fleet].
func (f *Fleet) Stop(ctx context.Context) {
	f.call(f.stop)
	select {
	case <-f.done:
	case <-ctx.Done():
		f.call(func() {
			f.kill = true
			f.reviewPods()
		})
		<-f.done
	}
}

// stop drains all pods for good. It runs in the loop.
func (f *Fleet) stop() {
	f.stopping = true
	f.siblings.Close() // they go on with the pods: what they have there is not waited for
	for _, p := range f.inOrder() {
		f.beginDrain(p, "shutting down")
	}
	f.endMigration(errStopped)
	f.reviewPods()
}

// errStopped reports that something does not begin because dynlb shuts down.
var errStopped = fmt.Errorf("change fleet: %w", registry.ErrClosed)

// Replace always fails: Kubernetes has no pod take the place of another one.
func (f *Fleet) Replace(id registry.ID, _ string) error {
	err := errStopped
	f.call(func() {
		if f.stopping {
			return
		}
		err = fleet.ErrNoInstance
		if p := f.find(id); p != nil {
			err = fmt.Errorf("replace instance: Kubernetes cannot replace one pod only; delete pod %s, or restart all", p.seen.pod)
		}
	})
	return err
}
