package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

const (
	// takenWithin is how long a reload may take to begin: dynlb notices a changed file
	// within 2 s. The rest is for a machine that is busy.
	takenWithin = 5 * time.Second
	// reloadWithin bounds a reload. A changed program is in force when new instances have
	// replaced all others, one by one, as in a rolling restart.
	reloadWithin = restartWithin
	// spoiltFor is how long an invalid config is watched for what it changes.
	spoiltFor = time.Second
)

// stopped is what dynlb says of new instances that were not ready, whose config or restart
// is given up.
const stopped = "instances replaced, the others stay"

// reload writes a valid config, and has what becomes of it followed.
func (i *injector) reload(ctx context.Context, f fault) error {
	if err := i.config.change(f.pick); err != nil {
		return err
	}
	generation, want := i.config.generation, i.config.max
	i.mu.Lock()
	i.written = generation
	i.mu.Unlock()
	i.waiting.Go(func() { // ends after reloadWithin at the latest
		if err := i.awaitReload(ctx, generation, want); err != nil && ctx.Err() == nil {
			i.trouble(f.kind, err)
		}
	})
	return i.announce(f)
}

// announce has dynlb read a config again, unless it is to notice it by itself.
func (i *injector) announce(f fault) error {
	if !f.signal {
		return nil
	}
	return i.daemon.hangUp()
}

// awaitReload returns nil when a config is in force, which shows by maxInstances. It does
// not come into force if another one is written before, and need not if an instance is
// struck meanwhile: it may be a new one.
func (i *injector) awaitReload(ctx context.Context, generation, want int) error {
	for began := time.Now(); ; {
		pool, err := i.admin.status(ctx)
		if err != nil {
			return err
		}
		i.mu.Lock()
		superseded := i.written != generation
		i.mu.Unlock()
		failed := !pool.GetConfigReloading() && strings.Contains(pool.GetConfigError(), stopped) && time.Since(began) > takenWithin
		switch {
		case int(pool.GetMaxInstances()) == want:
			return nil
		case superseded:
			i.count(&i.done.superseded)
			return nil
		case failed && i.windows.excuse(began, time.Now()):
			i.count(&i.done.rejected)
			return nil
		case failed, time.Since(began) > reloadWithin:
			return fmt.Errorf("maxInstances is %d, want %d: %s", pool.GetMaxInstances(), want, pool.GetConfigError())
		}
		if !pause(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// spoil writes a config that is not valid, and checks that it changes nothing. A valid one
// before it may still come into force.
func (i *injector) spoil(ctx context.Context, f fault) error {
	pool, err := i.admin.status(ctx)
	if err != nil {
		return err
	}
	before := pool.GetMaxInstances()
	if err := i.config.spoil(f.pick); err != nil {
		return err
	}
	if err := i.announce(f); err != nil {
		return err
	}
	for deadline := time.Now().Add(spoiltFor); time.Now().Before(deadline); {
		if pool, err = i.admin.status(ctx); err != nil {
			return err
		}
		if now := pool.GetMaxInstances(); now != before && int(now) != i.config.max {
			return fmt.Errorf("maxInstances is %d, want %d", now, before)
		}
		if !pause(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// count adds one to a count of done.
func (i *injector) count(n *int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	*n++
}
