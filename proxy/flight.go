package proxy

import (
	"context"
	"sync/atomic"
)

// flight counts the requests and tunnels in hand. Unlike a sync.WaitGroup it
// may rise from zero while someone waits.
type flight struct {
	n    atomic.Int64
	zero chan struct{} // capacity 1; gets a value when n falls to 0
}

func newFlight() flight { return flight{zero: make(chan struct{}, 1)} }

func (f *flight) begin() { f.n.Add(1) }

func (f *flight) end() {
	if f.n.Add(-1) > 0 {
		return
	}
	select {
	case f.zero <- struct{}{}:
	default:
	}
}

func (f *flight) count() int64 { return f.n.Load() }

// wait returns when nothing is in flight, or ctx's error when that ends first.
// Only one goroutine may wait.
func (f *flight) wait(ctx context.Context) error {
	for f.n.Load() > 0 {
		select {
		case <-f.zero:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
