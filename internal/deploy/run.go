package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

const (
	// judgeInterval is the time between two looks at a canary.
	judgeInterval = time.Second
	// canaryReports is how many times the figures of a canary are reported.
	canaryReports = 20
)

// begin begins the deploy of a version.
func (d *Deployer) begin(v Version, o Order, rollback bool) (*run, error) {
	stager, ok := d.Fleet.(fleet.Stager)
	if !ok {
		return nil, ErrUnsupported
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return nil, fmt.Errorf("deploy: %w", registry.ErrClosed)
	case d.run != nil:
		return nil, fmt.Errorf("%w: of %s; 'dynlb rollback' ends it", fleet.ErrDeploying, d.run.name)
	case v == d.kept.Current:
		return nil, VersionError{fmt.Errorf("%s runs already; 'dynlb restart' replaces its instances", d.label(v))}
	}
	settings, err := d.versions.Settings(v)
	if err != nil {
		return nil, VersionError{err}
	}
	d.Registry.SetShare(0)
	part := o.Canary
	if part == 0 {
		part = 1
	}
	staging, err := stager.Stage(settings, part, o.Reason)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancelCause(context.Background()) // ends with the run
	r := &run{version: v, name: d.label(v), order: o, rollback: rollback, stop: stop, more: make(chan struct{})}
	d.run = r
	r.next = record{Current: v, Previous: new(d.kept.Current), Configured: d.kept.Configured}
	if rollback {
		d.saveLocked(&r.next) // the operator does not want the present one after a crash either
	}
	d.noteUnderWay(underWay{r.name, rollback})
	d.running.Go(func() { // ends with the staging, at the latest when the fleet stops
		err := d.carryOut(ctx, r, stager, staging)
		stop(nil)
		d.finish(r, err)
	})
	return r, nil
}

// carryOut carries out a deploy.
func (d *Deployer) carryOut(ctx context.Context, r *run, stager fleet.Stager, staging *fleet.Staging) error {
	e := &execution{Deployer: d, run: r, stager: stager, staging: staging}
	from := d.inForceName()
	d.Log.Info("deploy", "version", r.name, "from", from, "canary", r.order.Canary, "reason", r.order.Reason)
	e.state(Starting, 0, time.Time{})
	d.Board.RecordDeploy(notice.Deploying, fmt.Sprintf("%s: %s replaces %s", r.order.Reason, r.name, from))
	if r.order.Canary > 0 {
		if err := e.awaitReady(ctx); err != nil {
			return err
		}
		if err := e.canary(ctx); err != nil {
			return err
		}
	}
	return e.promote(ctx)
}

// finish puts an end to a deploy: the version is in force, or it is not.
func (d *Deployer) finish(r *run, err error) {
	d.mu.Lock()
	d.run = nil
	switch {
	case err == nil:
		d.kept = r.next
		d.kept.Configured = identity(d.versions) // the config may have changed meanwhile
		d.saveLocked(&d.kept)
	case r.rollback && !errors.Is(err, registry.ErrClosed):
		d.saveLocked(&d.kept)
	}
	d.noteUnderWay(underWay{})
	d.Board.SetDeploy(notice.Deploy{})
	d.report()
	present := d.label(d.kept.Current)
	d.mu.Unlock()
	d.reportEnd(r, present, err)
}

// reportEnd reports how a run has ended. stays is the version in force if it has failed.
func (d *Deployer) reportEnd(r *run, stays string, err error) {
	switch {
	case err == nil:
		d.Log.Info("deployed", "version", r.name)
		d.Board.RecordDeploy(notice.Deployed, r.name+" has all requests")
		r.add(Done, r.name+" has all requests, the other instances drain")
	case errors.Is(err, registry.ErrClosed):
		d.reportStopped(r, stays)
	default:
		d.Log.Error("deploy ended, the present version stays", "version", r.name, "stays", stays, "error", err)
		d.Board.RecordDeploy(notice.DeployFailed, fmt.Sprintf("%s stays: %v", stays, err))
	}
	r.end(err)
	if d.Ended != nil {
		d.Ended()
	}
}

// execution is a deploy that is carried out.
type execution struct {
	*Deployer
	run     *run
	stager  fleet.Stager
	staging *fleet.Staging
}

// state reports how far the deploy is.
func (e *execution) state(phase Phase, share float64, until time.Time) {
	e.Board.SetDeploy(notice.Deploy{Version: e.run.name, Phase: uint8(phase), Share: share, Until: until})
}

// abandon drains the new instances, and returns how the deploy has ended. It may have
// succeeded just before.
func (e *execution) abandon(cause error) error {
	e.stager.Abandon(cause)
	return <-e.staging.Done
}

// awaitReady waits until the first instances are ready.
func (e *execution) awaitReady(ctx context.Context) error {
	for {
		select {
		case p := <-e.staging.Progress:
			e.progress(Starting, p)
			if p.Ready >= p.Wanted {
				return nil
			}
		case err := <-e.staging.Done:
			return err
		case <-ctx.Done():
			return e.abandon(context.Cause(ctx))
		}
	}
}

// promote gives the new version all requests, as soon as it has enough instances.
func (e *execution) promote(ctx context.Context) error {
	phase := Starting
	if e.run.order.Canary > 0 {
		phase = Shifting
		e.state(Shifting, e.run.order.Canary, time.Time{})
	}
	e.stager.Promote("replaced by " + e.run.name)
	for {
		select {
		case p := <-e.staging.Progress:
			e.progress(phase, p)
		case err := <-e.staging.Done:
			return err
		case <-ctx.Done():
			return e.abandon(context.Cause(ctx))
		}
	}
}

// progress reports how many instances are ready.
func (e *execution) progress(phase Phase, p fleet.Progress) {
	e.run.add(phase, fmt.Sprintf("%d of %d instances of %s ready", p.Ready, p.Wanted, e.run.name))
}

// canary gives the new version a part of the requests for a time, and returns why it is
// not as good as the present one; nil if it is.
func (e *execution) canary(ctx context.Context) error {
	o := &e.run.order
	until := time.Now().Add(o.For)
	e.Registry.SetShare(o.Canary)
	state := notice.Deploy{Version: e.run.name, Phase: uint8(Canary), Share: o.Canary, Until: until, MinRequests: o.MinRequests}
	e.Board.SetDeploy(state)
	e.run.add(Canary, fmt.Sprintf("%s gets %v %% of the requests for %v", e.run.name, percent(o.Canary), o.For))
	ticks := time.NewTicker(min(judgeInterval, o.For))
	defer ticks.Stop()
	report := time.Now().Add(o.For / canaryReports)
	for {
		select {
		case <-e.staging.Progress: // the target has changed
			continue
		case err := <-e.staging.Done:
			return err
		case <-ctx.Done():
			return e.abandon(context.Cause(ctx))
		case <-ticks.C:
		}
		staged, others := e.Registry.Split()
		if why := judge(&staged, &others, o.Factor, o.MinRequests); why != "" {
			return e.abandon(fmt.Errorf("%s is worse: %s", e.run.name, why))
		}
		now := time.Now()
		over := !now.Before(until)
		before := state.Outlook
		state.Requests, state.Others = staged.Requests, others.Requests
		state.Outlook = outlook(&staged, &others, o, now.Sub(until.Add(-o.For)))
		e.Board.SetDeploy(state)
		if state.Outlook != "" && before == "" && !over {
			e.run.add(Canary, state.Outlook)
			e.Log.Warn("canary will not be judged", "version", e.run.name, "reason", state.Outlook)
		}
		if over || now.After(report) {
			report = now.Add(o.For / canaryReports)
			e.run.add(Canary, fmt.Sprintf("%s: %s; the others: %s", e.run.name, figures(&staged), figures(&others)))
		}
		if !over {
			continue
		}
		if why := enough(&staged, &others, o.MinRequests); why != "" {
			return e.abandon(errors.New(why))
		}
		return nil
	}
}

// percent returns a share as a percentage.
func percent(share float64) float64 { return float64(int64(share*1e6+0.5)) / 1e4 }

// WithDefaults returns the order with the defaults of a canary where it has none.
func (o Order) WithDefaults() Order {
	o.For, o.Factor = cmp.Or(o.For, DefaultFor), cmp.Or(o.Factor, DefaultFactor)
	o.MinRequests = cmp.Or(o.MinRequests, DefaultMinRequests)
	return o
}
