package daemon

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/dynlb/dynlb/internal/app"
	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// trial is a reload whose new instances are being started. Until they have replaced
// all others, the previous config is in force, apart from the settings by which
// instances are started and checked.
type trial struct {
	*prepared
	tried   []string     // the apps that try their settings
	outcome chan verdict // capacity 1
	waiters []waiter     // get the result
	later   error        // why a config that was read meanwhile was rejected
}

// verdict is the outcome of a trial: the first failure, or that all apps have succeeded.
type verdict struct {
	app string // that failed
	err error  // nil when the config can be put in force
}

// reload loads the config and tries it. The log, the status and the metrics tell the
// outcome. A reload that is under way is abandoned.
func (d *Daemon) reload(now context.Context) {
	waiters := d.waiters.take()
	next, err := d.prepare()
	if err != nil {
		d.reject(err)
		answer(waiters, "", err)
		return
	}
	changed := d.changed(&next.plan)
	waiters = append(d.takeOverWaiters(&next.plan), waiters...)
	d.abandon()
	d.trial = &trial{prepared: next, tried: changed, outcome: make(chan verdict, 1), waiters: waiters}
	if d.try(changed) {
		d.decide(now, <-d.trial.outcome)
		return
	}
	d.log.Info("config reload in progress, the previous config is in force until new instances have replaced all others")
	for _, a := range d.apps.All() {
		a.Board.SetReloading()
	}
}

// takeOverWaiters returns the waiters of the reload under way if that is of the same config
// as next. The reload of next answers them then.
func (d *Daemon) takeOverWaiters(next *plan) (all []waiter) {
	if d.trial != nil && reflect.DeepEqual(&d.trial.plan.config, &next.config) {
		all, d.trial.waiters = d.trial.waiters, nil
	}
	return all
}

// changed returns the apps whose settings are others than those that they have: apart
// from new apps, which have no instances that could stay.
func (d *Daemon) changed(next *plan) (names []string) {
	for name, a := range next.apps {
		old, exists := d.plan.apps[name]
		same := exists && sameApp(&old, &a)
		if d.trial != nil && same { // it may try other settings
			tries, ok := d.trial.plan.apps[name]
			same = ok && sameApp(&tries, &a)
		}
		if exists && !same {
			names = append(names, name)
		}
	}
	return names
}

// try has apps try their settings of the trial, and sends its verdict. It reports whether
// that is there already.
func (d *Daemon) try(names []string) (decided bool) {
	t := d.trial
	outcomes := make(map[string]<-chan error, len(names))
	decided = true
	for _, name := range names {
		o := d.apps.Get(name).Try(t.plan.apps[name].Settings)
		outcomes[name] = o
		decided = decided && len(o) > 0
	}
	if decided {
		t.outcome <- firstFailure(outcomes)
		return true
	}
	verdicts := make(chan verdict, len(names))
	for name, o := range outcomes {
		d.parts.Go(func() { verdicts <- verdict{name, <-o} }) // ends with the apps at the latest
	}
	d.parts.Go(func() { // ends with the goroutines above
		for range names {
			if v := <-verdicts; v.err != nil {
				t.outcome <- v
				return
			}
		}
		t.outcome <- verdict{}
	})
	return false
}

// firstFailure returns the verdict on outcomes that are there.
func firstFailure(outcomes map[string]<-chan error) (v verdict) {
	for name, o := range outcomes {
		if err := <-o; err != nil {
			v = verdict{name, err}
		}
	}
	return v
}

// reject reports a config that cannot be tried. A reload under way continues.
func (d *Daemon) reject(err error) {
	d.reloaded(err)
	if d.trial != nil {
		d.trial.later = err
	}
}

// tried returns the channel that gets the outcome of the reload under way; nil when
// there is none.
func (d *Daemon) tried() <-chan verdict {
	if d.trial == nil {
		return nil
	}
	return d.trial.outcome
}

// abandon ends the reload under way, if there is one, without an outcome.
func (d *Daemon) abandon() {
	if d.trial == nil {
		return
	}
	answer(d.trial.waiters, "", fleet.ErrSuperseded)
	d.discardAccessLogs(d.trial.access)
	if err := d.trial.discard(); err != nil {
		d.log.Warn("discard the listeners of a reload", "error", err)
	}
	d.trial = nil
}

// decide puts the config of the reload under way in force if no app has failed, and else
// discards it: the apps that tried it get their previous settings again.
func (d *Daemon) decide(now context.Context, v verdict) {
	next, later, waiters := d.trial.prepared, d.trial.later, d.trial.waiters
	err := v.err
	if err == nil {
		err = next.open()
	} else if len(d.plan.apps) > 1 {
		err = fmt.Errorf("app %s: %w", v.app, err)
	}
	if err != nil {
		answer(waiters, "", err)
		d.restore(d.trial.tried, v.app)
		d.abandon()
		d.reloaded(err)
		return
	}
	d.trial = nil
	before := d.plan
	d.plan = next.plan
	d.plan.proxy.AltSvc = before.proxy.AltSvc
	d.useAccessLogs(next.access)
	d.useCertificates(&before.config, next)
	d.applyApps(now, before.apps)
	d.holdNext(now, next)
	d.replaceControl(now, next.control)
	d.control.Load().server.SetApps(d.controlApps())
	d.replacePublic(next.public, before.config.Listen)
	d.replaceHTTP3(next)
	d.replaceRedirect(now, next)
	logPlan(d.log, &d.plan)
	d.announce()
	d.reloaded(nil)
	answer(waiters, d.plan.config.Path, nil)
	if later != nil {
		d.reloaded(later) // the file has another content than the config in force
	}
}

// restore gives apps the settings of the config that stays in force, apart from one that
// has them again already.
func (d *Daemon) restore(names []string, but string) {
	for _, name := range names {
		if name != but {
			d.apps.Get(name).Try(d.plan.apps[name].Settings) // an error is in the log of the fleet
		}
	}
}

// reloaded reports the outcome of a reload, and each app shows it.
func (d *Daemon) reloaded(err error) {
	if errors.Is(err, registry.ErrClosed) || errors.Is(err, fleet.ErrSuperseded) {
		return // the daemon stops, or a later reload reports its own outcome
	}
	d.reloadAfterDeploy.Store(false)
	if errors.Is(err, fleet.ErrDeploying) {
		d.reloadWhenDeployed()
	}
	if err == nil {
		d.log.Info("config reloaded")
	} else {
		d.log.Error("config reload failed, keeping the previous config", "error", err)
	}
	for _, a := range d.apps.All() {
		a.Board.SetReload(err)
	}
	d.reportReady()
}

// reloadWhenDeployed has the config read again when no deploy is under way any more, which
// may be so by now.
func (d *Daemon) reloadWhenDeployed() {
	d.reloadAfterDeploy.Store(true)
	if !slices.ContainsFunc(d.apps.All(), func(a *app.App) bool { return a.Deploys.UnderWay() }) {
		d.deployEnded()
	}
}

// deployEnded is called when a deploy has ended. A config that needed other instances
// meanwhile is read again.
func (d *Daemon) deployEnded() {
	if d.reloadAfterDeploy.Swap(false) {
		d.Reload("a deploy has ended")
	}
}
