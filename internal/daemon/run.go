package daemon

import (
	"context"
	"errors"
	"net"
	"time"
)

// Run starts all parts and serves until ctx ends, Shutdown is called or a part
// fails. Then it stops them as the package documentation says, and returns when
// nothing is left running. The error is that of the parts that failed.
func (d *Daemon) Run(ctx context.Context) error {
	defer close(d.stopped)
	now, cancel := context.WithCancel(context.WithoutCancel(ctx)) // ended by kill: no more waiting
	defer cancel()
	go func() { // ends with Run
		select {
		case <-d.killed:
			cancel()
		case <-now.Done():
		}
	}()
	d.holdAll(now)
	d.host.kept.stopRest(now, d.plan.apps)
	d.start(now)
	cause := d.serve(ctx, now)
	if errors.Is(cause, errRetired) {
		return d.retire(now)
	}
	err := errors.Join(cause, d.shutdown(now))
	if err == nil && !d.cut { // else Serve logs why it has failed, as the last line
		d.log.Info("stopped")
	}
	return err
}

// Reload makes Run load the config and apply it. The reason is logged. Reload does
// not wait: the log and the status tell the result.
func (d *Daemon) Reload(reason string) {
	select {
	case d.reloads <- reason:
	default: // a reload is pending, and has not loaded the config yet
	}
}

// Shutdown makes Run stop everything, and waits until it has returned. When ctx
// ends, Run stops waiting for requests and instances.
func (d *Daemon) Shutdown(ctx context.Context) {
	d.stop()
	select {
	case <-d.stopped:
		return
	case <-ctx.Done():
	}
	d.kill()
	<-d.stopped
}

// start starts the parts. Each adds the cleanup that stops it.
func (d *Daemon) start(now context.Context) {
	d.begin = time.Now()
	d.cleanups.add(d.renounce)
	d.watchAccessLogs(now)
	d.startCertificates()
	d.parts.Go(func() { d.apps.Run(now) })
	d.cleanups.add(func(ctx context.Context) error {
		d.apps.Stop(ctx)
		return nil
	})
	d.markRunning() // the first instances start meanwhile
	d.serveControl(d.control.Load())
	d.cleanups.add(d.stopControl)
	d.serveRedirect(d.redirect)
	d.cleanups.add(d.stopRedirect)
	d.servePublic(d.public)
	d.cleanups.add(d.drain)
	d.startHTTP3()
	d.cleanups.add(d.stopHTTP3)
	d.cleanups.add(d.delayDrain)
	d.cleanups.add(func(context.Context) error {
		d.control.Load().server.NotServing()
		d.apps.Freeze()
		return nil
	})
	at := d.Addresses()
	log := d.log.With("listen", at.Listen, "admin", at.Admin, "adminHTTP", at.AdminHTTP)
	if d.plan.config.Apps == nil {
		log.Info("serving", "minInstances", d.plan.config.MinInstances, "maxInstances", d.plan.config.MaxInstances)
	} else {
		log.Info("serving", "apps", d.plan.names())
	}
	d.announce()
	d.reportReady()
}

// serve reloads the config on demand until there is a reason to stop: ctx ends,
// Shutdown, or the failure of a part, which it returns.
func (d *Daemon) serve(ctx, now context.Context) error {
	defer d.abandon()
	alive, stopAlive := d.signsOfLife()
	defer stopAlive()
	if d.options.Keeper != nil {
		saving, stopSaving := context.WithCancel(now)
		defer stopSaving()
		d.parts.Go(func() { d.saveRegularly(saving) })
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.stopping:
			return nil
		case err := <-d.failed:
			return err
		case mayRefuse := <-d.retiring:
			select {
			case <-d.stopping: // dynlb is to stop, in this worker and not the next
				return nil
			default:
			}
			why := d.upgradeRefusal()
			if why == "" || !mayRefuse {
				return errRetired
			}
			if err := d.options.Keeper.Refuse(why); err != nil {
				return err
			}
		case reason := <-d.reloads:
			d.log.Info("reloading config", "reason", reason)
			d.reportError(d.options.Service.Reloading())
			d.reload(now)
		case o := <-d.http3.opened:
			d.openedHTTP3(o)
		case f := <-d.http3.failed:
			d.failedHTTP3(f)
		case err := <-d.tried():
			d.decide(now, err)
		case <-alive:
			d.reportError(d.options.Service.Alive())
		}
	}
}

// shutdown stops all parts within one deadline and waits for them.
func (d *Daemon) shutdown(now context.Context) error {
	delay := max(0, d.plan.config.DrainDelay)
	drain, stop := stopTimes(&d.plan.config)
	ctx, cancel := context.WithTimeout(now, delay+drain+stop)
	defer cancel()
	if d.options.Keeper != nil {
		_ = d.options.Keeper.Bye() // it fails when the keeper is gone
	}
	d.reportError(d.options.Service.Stopping())
	d.log.Info("shutting down", "inFlight", d.apps.InFlight(), "drainDelay", delay, "drainTimeout", drain)
	err := d.cleanups.run(ctx)
	d.parts.Wait()
	select {
	case failure := <-d.failed: // during the shutdown
		err = errors.Join(err, failure)
	default:
	}
	return err
}

// serveControl starts to serve a control plane.
func (d *Daemon) serveControl(c *control) {
	d.parts.Go(func() { d.fail(c.serve()) }) // stopControl or replaceControl ends it
}

// stopControl ends the watches, and begins to end the control plane: its clients
// must not take from the time that the instances have. parts waits for it.
func (d *Daemon) stopControl(ctx context.Context) error {
	d.apps.Close()
	d.parts.Go(func() { d.fail(d.control.Load().server.Shutdown(ctx)) })
	return nil
}

// servePublic starts to serve a public listener.
func (d *Daemon) servePublic(l net.Listener) {
	d.parts.Go(func() { d.fail(d.proxy.Serve(l)) }) // drain or replacePublic ends it
}

// delayDrain ends each connection with its next response, and goes on to accept
// connections for drainDelay: the readiness check fails already, and a balancer in front
// of dynlb notices that meanwhile.
func (d *Daemon) delayDrain(ctx context.Context) error {
	d.proxy.EndKeepAlive()
	if d.moved {
		return nil // another worker accepts
	}
	delay := time.NewTimer(max(0, d.plan.config.DrainDelay)) // Auto, of a program that embeds the daemon, is none
	defer delay.Stop()
	select {
	case <-delay.C:
	case <-ctx.Done():
	}
	return nil
}

// drain closes the public listener and waits for the requests in flight, for
// drainTimeout at most.
func (d *Daemon) drain(ctx context.Context) error {
	drain, _ := stopTimes(&d.plan.config)
	ctx, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	d.hold(ctx)
	if err := d.proxy.Shutdown(ctx); err != nil {
		d.cut = true
		d.log.Warn("requests cut off", "error", err)
	}
	return nil
}

// fail makes Run stop, unless err is nil.
func (d *Daemon) fail(err error) {
	if err == nil {
		return
	}
	select {
	case d.failed <- err:
	default: // Run stops already, for another reason
		d.log.Error("part failed", "error", err)
	}
}
