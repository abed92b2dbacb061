package main

import (
	"sync/atomic"
	"time"
)

// A driver keeps one connection busy and counts what comes of it. Its goroutine
// owns it until run returns.
type driver struct {
	addr     string
	workload workload
	deadline time.Time     // no request outlives it
	phase    *atomic.Int32 // written by the load, read here

	latency    histogram // of answers within the window
	failed     uint64
	failure    error // the first one
	reconnects uint64
}

// maxFailures is how many failed requests a driver bears before it gives up: a
// peer that is gone should end the run, not fill it with refused connections.
const maxFailures = 10

// run sends requests until the window is over, on a new connection whenever the
// last one ended.
func (d *driver) run() {
	for d.phase.Load() != phaseOver && d.failed < maxFailures {
		c, err := dialClient(d.addr, d.workload.path, d.deadline)
		if err != nil {
			d.fail(err)
			continue
		}
		if err := d.drive(c); err != nil {
			d.fail(err)
		}
		c.close()
	}
}

// drive uses one connection for as long as it lasts.
func (d *driver) drive(c *client) error {
	for d.phase.Load() != phaseOver {
		begin := time.Now()
		again, err := c.exchange(d.workload.bodyBytes)
		if err != nil {
			return err
		}
		if d.phase.Load() == phaseWindow {
			d.latency.record(time.Since(begin))
		}
		if !again {
			d.reconnects++
			return nil
		}
	}
	return nil
}

func (d *driver) fail(err error) {
	if d.failed == 0 {
		d.failure = err
	}
	d.failed++
}
