package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/app"
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/keeper"
	"github.com/dynlb/dynlb/internal/measure"
	"github.com/dynlb/dynlb/internal/registry"
)

const (
	// retireGrace is how long clients may keep idle connections after another worker has taken
	// over. It is longer than after a signal to stop: nothing waits for the end of this
	// process.
	retireGrace = 5 * time.Second
	// flightInterval is how often a worker that drains reports its requests.
	flightInterval = 100 * time.Millisecond
	// countTurns is how many of these reports there are for one with its counts, which a
	// scraper reads some seconds later.
	countTurns = 10
	// ofStreams ends the key under which the streams of an instance are reported, beside
	// the one of all its requests.
	ofStreams = "/streams"
)

// errRetired is why serve returns when another worker is to serve.
var errRetired = errors.New("another worker takes over")

// rehearse finds what would keep a worker from serving, as far as that can be found while
// another one serves: files that cannot be read, addresses that cannot be had.
func rehearse(o *Options) error {
	if _, err := serverAuth(o.Config.Auth, o.Log); err != nil {
		return err
	}
	if !o.Config.TLS.On() {
		return nil
	}
	settings, err := certificateSettings(&o.Config, portOf(o.Config.Listen), portOf(o.Config.TLS.Redirect))
	if err != nil {
		return ConfigError{err}
	}
	for _, pair := range settings.Files {
		if _, err := config.ReadKeyPair(pair.Cert, pair.PrivateKey); err != nil {
			return ConfigError{fmt.Errorf("%s: %w", pair.Key, err)}
		}
	}
	return nil
}

// retire hands over to another worker, and then finishes what this one has: requests in
// flight and tunnels, for drainTimeout at most.
func (d *Daemon) retire(now context.Context) error {
	d.log.Info("another worker takes over; this one finishes its requests", "inFlight", d.apps.InFlight())
	d.control.Load().server.Moved()
	text := d.save((*app.App).Leave, true)
	d.apps.Wait() // the last events are in the history
	if err := d.keeping.close(now); err != nil {
		d.log.Error("state folder not given up", "error", err)
	}
	if err := d.options.Keeper.Frozen(text); err != nil {
		return err // the keeper is gone
	}
	d.moved = true
	reporting, stopReports := context.WithCancel(now)
	var reports sync.WaitGroup
	reports.Go(func() { d.reportInFlight(reporting) })
	d.upgrades.calls.Wait() // their clients learn the result; Frozen has ended them
	if err := d.replaceByInner(now); err != nil {
		d.log.Warn("control plane of the next worker only", "error", err)
	}
	settings := d.plan.proxy
	settings.DrainGrace, settings.AltSvc = retireGrace, ""
	d.proxy.Configure(settings)
	drain, stop := stopTimes(&d.plan.config)
	ctx, cancel := context.WithTimeout(now, drain+stop)
	defer cancel()
	err := d.cleanups.run(ctx)
	stopReports()
	reports.Wait()
	d.log.Info("worker has finished")
	return err
}

// reportInFlight tells the worker that serves, through the keeper, which requests this one
// still has, until ctx ends.
func (d *Daemon) reportInFlight(ctx context.Context) {
	tick := time.NewTicker(flightInterval)
	defer tick.Stop()
	var late measure.Counts
	for turn, reported := 0, true; ; turn++ {
		requests := map[string]int{}
		for _, a := range d.apps.All() {
			for id, n := range a.Registry.InFlight() {
				requests[string(id)] = n.InFlight
				if n.Streams > 0 {
					requests[string(id)+ofStreams] = n.Streams
				}
			}
		}
		var more measure.Counts
		if turn%countTurns == 0 {
			if now := d.lateCounts(); !maps.Equal(now, late) {
				late, more = now, now
			}
		}
		if reported || len(requests) > 0 || more != nil {
			_ = d.options.Keeper.InFlight(requests, more) // it fails when the keeper is gone
		}
		reported = len(requests) > 0
		select {
		case <-tick.C:
		case <-ctx.Done():
			_ = d.options.Keeper.InFlight(nil, d.lateCounts())
			return
		}
	}
}

// applyInFlight counts the requests of a worker that drains.
func (d *Daemon) applyInFlight(in *keeper.InFlight) {
	all := map[registry.ID]registry.Elsewhere{}
	for key, n := range in.Requests {
		id, streams := strings.CutSuffix(key, ofStreams)
		now := all[registry.ID(id)]
		if streams {
			now.Streams = n
		} else {
			now.InFlight = n
		}
		all[registry.ID(id)] = now
	}
	for _, a := range d.apps.All() {
		a.Registry.SetElsewhere(in.Worker, all)
	}
	d.applyCounts(in.Worker, in.Counts, in.Ended)
	d.draining.set(in.Worker, !in.Ended)
}

// saveRegularly saves the state, for the case that this worker dies, until ctx ends.
func (d *Daemon) saveRegularly(ctx context.Context) {
	tick := time.NewTicker(saveInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.saveNow()
		case <-ctx.Done():
			return
		}
	}
}

// saveNow saves the state.
func (d *Daemon) saveNow() {
	if err := d.options.Keeper.Save(d.save((*app.App).Save, false)); err != nil && !errors.Is(err, os.ErrClosed) {
		d.log.Debug("state not saved", "error", err)
	}
}

// replaceByInner puts a control plane without listeners in the place of the present one,
// whose clients connect to the next worker: clients that have a connection to the public
// port may still ask for the status.
func (d *Daemon) replaceByInner(now context.Context) error {
	next, err := d.buildControl(&d.plan.config)
	if err != nil {
		return err
	}
	next.admin, next.adminHTTP = newNullListener(), newNullListener()
	d.replaceControl(now, next)
	return nil
}

// nullListener is a listener that accepts nothing.
type nullListener struct {
	closed chan struct{}
	once   sync.Once
}

func newNullListener() *nullListener { return &nullListener{closed: make(chan struct{})} }

// Accept implements net.Listener: it returns when the listener is closed.
func (l *nullListener) Accept() (net.Conn, error) {
	<-l.closed
	return nil, net.ErrClosed
}

// Close implements net.Listener.
func (l *nullListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *nullListener) Addr() net.Addr { return &net.UnixAddr{Name: "none", Net: "unix"} }
