package std

import (
	"context"
	"sync/atomic"
)

// counter counts what is in progress. Unlike a sync.WaitGroup it may rise from zero
// while a goroutine waits.
type counter struct {
	n    atomic.Int64
	zero chan struct{} // capacity 1; gets a value when n falls to 0
}

func newCounter() counter { return counter{zero: make(chan struct{}, 1)} }

func (c *counter) add() { c.n.Add(1) }

func (c *counter) end() {
	if c.n.Add(-1) > 0 {
		return
	}
	select {
	case c.zero <- struct{}{}:
	default:
	}
}

func (c *counter) count() int { return int(c.n.Load()) }

// wait returns nil when the count is zero, or the error of ctx if that ends first. Only
// one goroutine may wait at a time.
func (c *counter) wait(ctx context.Context) error {
	for c.n.Load() > 0 {
		select {
		case <-c.zero:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
