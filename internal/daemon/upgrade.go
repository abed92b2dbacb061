package daemon

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/dynlb/dynlb/internal/keeper"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/server"
)

// workers are the workers that finish their requests while this one serves.
type workers struct {
	mu  sync.Mutex
	all map[int]struct{} // by pid
}

// set notes whether a worker drains.
func (w *workers) set(pid int, drains bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[int]struct{}{}
	}
	if w.all[pid] = struct{}{}; !drains {
		delete(w.all, pid)
	}
}

// count returns how many there are.
func (w *workers) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all)
}

// upgrades are the upgrades of this dynlb.
type upgrades struct {
	calls  sync.WaitGroup // of Upgrade
	mu     sync.Mutex     // guards report
	report keeper.Report
}

// reported returns what the keeper last told of itself.
func (u *upgrades) reported() keeper.Report {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.report
}

// countUpgrades has the metrics tell of upgrades, if there can be any.
func (d *Daemon) countUpgrades() {
	if k := d.options.Keeper; k != nil {
		d.upgrades.report = k.Welcome().Report
		d.metrics.AddUpgrades(upgrader{d}.Upgraded)
	}
}

// applyReport notes how an upgrade has ended. It is an event of all apps.
func (d *Daemon) applyReport(r *keeper.Report) {
	d.upgrades.mu.Lock()
	d.upgrades.report = *r
	d.upgrades.mu.Unlock()
	kind, text := notice.Upgraded, "dynlb "+r.Last.Version+" serves"
	switch r.Last.Result {
	case keeper.Failed:
		kind, text = notice.UpgradeFailed, "upgrade of dynlb failed, nothing has changed: "+r.Last.Error
	case keeper.Reverted:
		kind, text = notice.UpgradeFailed, "upgrade of dynlb to "+r.Last.Version+" taken back: "+r.Last.Error
	case keeper.Done, keeper.UnderWay:
	}
	for _, a := range d.apps.All() {
		a.Board.RecordUpgrade(kind, text)
	}
}

// upgradeRefusal returns why there can be no upgrade now; "" if there can.
func (d *Daemon) upgradeRefusal() string {
	for _, a := range d.apps.All() {
		if a.Deploys.UnderWay() {
			return fmt.Sprintf("a deploy of %s is under way; wait for its end, or end it with 'dynlb rollback'", a.Name)
		}
	}
	return ""
}

// refuseUpgrades logs, until ctx ends, that a process without a keeper cannot be upgraded by
// SIGUSR2.
func (d *Daemon) refuseUpgrades(ctx context.Context) {
	if d.options.Keeper != nil {
		return
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR2)
	defer signal.Stop(signals)
	for {
		select {
		case <-signals:
			d.log.Warn("SIGUSR2 ignored: a single process cannot be upgraded; start it without --no-keeper")
		case <-ctx.Done():
			return
		}
	}
}

// upgrader returns what carries out upgrades; nil without a keeper.
func (d *Daemon) upgrader() server.Upgrader {
	if d.options.Keeper == nil {
		return nil
	}
	return upgrader{d}
}

// upgrader implements server.Upgrader.
type upgrader struct{ *Daemon }

// Upgraded implements server.Upgrader.
func (u upgrader) Upgraded() server.Upgraded {
	r := u.upgrades.reported()
	return server.Upgraded{
		Epoch: u.options.epoch, Draining: u.draining.count(),
		Keeper: server.Keeper{PID: r.PID, Version: r.Version, Started: r.Started},
		Last:   server.LastUpgrade{Time: r.Last.Time, Binary: r.Last.Binary, Version: r.Last.Version, Result: string(r.Last.Result), Error: r.Last.Error},
		Done:   r.Done, Failed: r.Failed, Reverted: r.Reverted,
	}
}

// Upgrade implements server.Upgrader. The upgrade goes on when ctx ends.
func (u upgrader) Upgrade(ctx context.Context, path string, step func(text string)) error {
	u.upgrades.calls.Add(1)
	defer u.upgrades.calls.Done()
	if why := u.upgradeRefusal(); why != "" {
		return fmt.Errorf("%w: %s", server.ErrCannotUpgrade, why)
	}
	begun := false
	err := u.options.Keeper.Upgrade(ctx, path, func(s keeper.Step) {
		begun = true
		step(s.Text)
	})
	if err == nil || begun || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("%w: %w", server.ErrCannotUpgrade, err)
}
