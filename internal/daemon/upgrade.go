package daemon

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/keeper"
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
	calls sync.WaitGroup // of Upgrade
	mu    sync.Mutex     // guards last
	last  Upgraded
}

// upgraded returns the last upgrade.
func (d *Daemon) upgraded() Upgraded {
	d.upgrades.mu.Lock()
	defer d.upgrades.mu.Unlock()
	return d.upgrades.last
}

// setUpgraded notes the last upgrade.
func (d *Daemon) setUpgraded(u Upgraded) {
	d.upgrades.mu.Lock()
	defer d.upgrades.mu.Unlock()
	d.upgrades.last = u
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
	last := u.upgraded()
	return server.Upgraded{Epoch: u.options.epoch, Draining: u.draining.count(), Time: last.Time, Error: last.Error}
}

// Upgrade implements server.Upgrader. The upgrade goes on when ctx ends.
func (u upgrader) Upgrade(ctx context.Context, path string, step func(text string)) error {
	u.upgrades.calls.Add(1)
	defer u.upgrades.calls.Done()
	before := u.upgraded()
	for _, a := range u.apps.All() {
		if a.Deploys.UnderWay() {
			return fmt.Errorf("%w: a deploy of %s is under way; wait for its end, or end it with 'dynlb rollback'", server.ErrCannotUpgrade, a.Name)
		}
	}
	u.setUpgraded(Upgraded{Time: time.Now()}) // the next worker has it
	begun := false
	err := u.options.Keeper.Upgrade(ctx, path, func(s keeper.Step) {
		begun = true
		step(s.Text)
	})
	switch {
	case err == nil:
		return nil
	case begun:
		u.setUpgraded(Upgraded{time.Now(), err.Error()})
		return err
	case ctx.Err() != nil:
		u.setUpgraded(before)
		return err
	default:
		u.setUpgraded(Upgraded{time.Now(), err.Error()})
		return fmt.Errorf("%w: %w", server.ErrCannotUpgrade, err)
	}
}
