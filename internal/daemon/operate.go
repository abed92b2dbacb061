package daemon

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/server"
)

// operator carries out what the control service asks of a daemon as a whole.
type operator struct{ d *Daemon }

// PID returns the process id of the keeper, or of this process if there is none.
func (o operator) PID() int { return mainPID(o.d.options.Keeper) }

// Stop begins the shutdown.
func (o operator) Stop(now bool) time.Duration {
	o.d.ordered.Store(true)
	o.d.stop()
	if now {
		o.d.kill()
	}
	return time.Duration(o.d.stopTime.Load())
}

// Reload has the config loaded, and returns its path when it is in force.
func (o operator) Reload(ctx context.Context, reason string) (string, error) {
	w := o.d.waiters.add()
	o.d.requestReload(reason)
	select {
	case r := <-w:
		return r.path, r.err
	case <-o.d.stopping:
		return "", registry.ErrClosed
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// result is how a reload has ended.
type result struct {
	path string // of the config in force
	err  error
}

// waiter gets the result of a reload. Its capacity is 1.
type waiter chan result

// waiters are those for a reload that has not loaded the config yet.
type waiters struct {
	mu  sync.Mutex // guards all
	all []waiter
}

// add returns a waiter for the next reload that loads the config.
func (w *waiters) add() waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := make(waiter, 1)
	w.all = append(w.all, one)
	return one
}

// take returns the waiters, which a reload that is about to load the config then has.
func (w *waiters) take() (all []waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all, w.all = w.all, nil
	return all
}

// answer gives a result to those who have none yet.
func answer(all []waiter, path string, err error) {
	var invalid *config.Error
	var refused ConfigError
	if errors.As(err, &invalid) || errors.As(err, &refused) {
		err = server.InvalidConfigError{Err: err}
	}
	for _, w := range all {
		select {
		case w <- result{path, err}:
		default:
		}
	}
}
