package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/keeper"
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
	mu   sync.Mutex
	last Upgraded
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

// Upgrade puts another binary in the place of this one. It returns nil when that serves.
func (d *Daemon) Upgrade(ctx context.Context, path string, step func(text string)) error {
	d.setUpgraded(Upgraded{Time: time.Now()}) // the next worker has it
	err := d.options.Keeper.Upgrade(ctx, path, func(s keeper.Step) { step(s.Text) })
	if err != nil {
		d.setUpgraded(Upgraded{time.Now(), err.Error()})
	}
	return err
}
