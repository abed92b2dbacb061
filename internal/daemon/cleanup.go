package daemon

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// cleanups are the steps that undo what was opened or started. Each is added where
// that happens, and they run in the reverse order.
type cleanups []func(ctx context.Context) error

// add appends a step: it runs before those that were added earlier.
func (c *cleanups) add(step func(ctx context.Context) error) { *c = append(*c, step) }

// run runs all steps, the last one first. They share ctx as their deadline: a step
// that finds it over still runs, and does not wait. It returns all their errors.
func (c *cleanups) run(ctx context.Context) error {
	var all []error
	for _, step := range slices.Backward(*c) {
		all = append(all, step(ctx))
	}
	*c = nil
	return errors.Join(all...)
}

// once are cleanups that run once, wherever that is asked for first.
type once struct {
	cleanups

	mu sync.Mutex // guards cleanups while they run
}

// close runs the steps, unless they have run.
func (o *once) close(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.run(ctx)
}
