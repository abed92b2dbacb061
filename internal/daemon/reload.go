package daemon

import (
	"context"
	"errors"

	"github.com/dynlb/dynlb/internal/app"
	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// trial is a reload whose new instances are being started. Until they have replaced
// all others, the previous config is in force, apart from the settings by which
// instances are started and checked.
type trial struct {
	*prepared
	outcome chan error // capacity 1: nil when the config can be put in force
	later   error      // why a config that was read meanwhile was rejected
}

// reload loads the config and tries it. The log, the status and the metrics tell the
// outcome. A reload that is under way is abandoned.
func (d *Daemon) reload(now context.Context) {
	next, err := d.prepare()
	if err != nil {
		d.reject(err)
		return
	}
	d.abandon()
	d.trial = &trial{prepared: next, outcome: make(chan error, 1)}
	outcomes := make([]<-chan error, 0, len(d.apps))
	for name, settings := range next.plan.apps { // the same names in every plan
		outcomes = append(outcomes, d.apps[name].Try(settings))
	}
	if done, err := received(outcomes); done {
		d.decide(now, err)
		return
	}
	d.log.Info("config reload in progress, the previous config is in force until new instances have replaced all others")
	for _, a := range d.apps {
		a.Board.SetReloading()
	}
	outcome := d.trial.outcome
	d.parts.Go(func() { // ends with the apps at the latest
		var all error
		for _, o := range outcomes {
			all = errors.Join(all, <-o)
		}
		outcome <- all
	})
}

// reject reports a config that cannot be tried. A reload under way continues.
func (d *Daemon) reject(err error) {
	d.reloaded(err)
	if d.trial != nil {
		d.trial.later = err
	}
}

// received returns the errors of all channels, if each has its value.
func received(outcomes []<-chan error) (done bool, all error) {
	for _, o := range outcomes {
		if len(o) == 0 {
			return false, nil
		}
	}
	for _, o := range outcomes {
		all = errors.Join(all, <-o)
	}
	return true, all
}

// tried returns the channel that gets the outcome of the reload under way; nil when
// there is none.
func (d *Daemon) tried() <-chan error {
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
	d.discardAccessLog(d.trial.access)
	if err := d.trial.discard(); err != nil {
		d.log.Warn("discard the listeners of a reload", "error", err)
	}
	d.trial = nil
}

// decide puts the config of the reload under way in force if err is nil, and else
// discards it.
func (d *Daemon) decide(now context.Context, err error) {
	next, later := d.trial.prepared, d.trial.later
	if err == nil {
		err = d.takeOver(next)
	}
	if err != nil {
		d.abandon()
		d.reloaded(err)
		return
	}
	d.trial = nil
	before := d.plan.config
	d.plan = next.plan
	d.useAccessLog(next.access)
	d.proxy.Configure(d.plan.proxy)
	if d.certificates != nil {
		d.certificates.Use(next.certificates)
	}
	for name, settings := range d.plan.apps {
		d.apps[name].Configure(settings)
	}
	d.replaceControl(now, next.control)
	d.replacePublic(next.public, before.Listen)
	d.replaceRedirect(now, next)
	logPlan(d.log, &d.plan)
	d.reloaded(nil)
	if later != nil {
		d.reloaded(later) // the file has another content than the config in force
	}
}

// takeOver opens the listeners that take over a port. If one cannot be opened, the
// instances get the settings of the config that stays in force.
func (d *Daemon) takeOver(next *prepared) error {
	err := next.open()
	if err == nil {
		return nil
	}
	for name, settings := range d.plan.apps {
		d.apps[name].Try(settings) // an error is in the log of the fleet
	}
	return err
}

// reloaded reports the outcome of a reload for each app.
func (d *Daemon) reloaded(err error) {
	if errors.Is(err, registry.ErrClosed) || errors.Is(err, fleet.ErrSuperseded) {
		return // the daemon stops, or a later reload reports its own outcome
	}
	for _, a := range d.apps {
		report(a, err)
	}
}

// report reports the outcome of a reload for an app.
func report(a *app.App, err error) {
	if err == nil {
		a.Log.Info("config reloaded")
	} else {
		a.Log.Error("config reload failed, keeping the previous config", "error", err)
	}
	a.Board.SetReload(err)
}
