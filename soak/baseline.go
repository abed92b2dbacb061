package main

import (
	"context"
	"fmt"
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

const (
	// settleWithin is how long dynlb may take, when the load is over, to be as it
	// was before: to drain what there is, to close idle connections to instances
	// (4 s), and to start what is missing.
	settleWithin = 60 * time.Second
	// settleFor is how long it is given in any case, so that what is still on its
	// way out is not taken for a leak that the slack covers.
	settleFor = 6 * time.Second
	// slack is how many goroutines and descriptors more than before are no leak.
	// At any moment there may be a health check or two (a connection with its two
	// goroutines each) and the scrape that counts them. A leak in what happens
	// at every request or fault is at least ten times that.
	slack = 8
)

// A reading is what dynlb and its processes hold.
type reading struct {
	goroutines, descriptors int
	memory                  int // resident, MiB
	instances, ready        int // as dynlb has them
	wanted                  int
	inFlight, waiting       int // requests
	processes, zombies      int // of the instances; of all children
}

// read takes a reading.
func read(ctx context.Context, d *daemon, a *admin) (reading, error) {
	pool, err := a.status(ctx)
	if err != nil {
		return reading{}, err
	}
	metrics, err := a.metrics(ctx)
	if err != nil {
		return reading{}, err
	}
	r := reading{
		goroutines:  int(metrics["go_goroutines"]),
		descriptors: int(metrics["process_open_fds"]),
		memory:      int(metrics["process_resident_memory_bytes"]) >> 20,
		instances:   len(pool.GetInstances()),
		wanted:      int(pool.GetTarget()),
		waiting:     int(pool.GetWaitingRequests()),
		processes:   len(instancesOf(d.pid())),
		zombies:     len(zombies(childrenOf(d.pid()))),
	}
	for _, in := range pool.GetInstances() {
		r.inFlight += int(in.GetInFlight())
		if in.GetState() == dynlbv1.InstanceState_INSTANCE_STATE_READY {
			r.ready++
		}
	}
	return r, nil
}

// unsettled says in what a reading is not as it should be when nothing goes on;
// before is one from before the load.
func (r reading) unsettled(before reading) []string {
	var out []string
	check := func(what string, got, want, slack int) {
		if got > want+slack || slack == 0 && got < want {
			out = append(out, fmt.Sprintf("%s: %d, want %d", what, got, want))
		}
	}
	check("instances wanted", r.wanted, minInstances, 0)
	check("instances", r.instances, r.wanted, 0)
	check("ready instances", r.ready, r.wanted, 0)
	check("processes of instances", r.processes, r.wanted, 0)
	check("zombies", r.zombies, 0, 0)
	check("requests in flight", r.inFlight, 0, 0)
	check("requests waiting", r.waiting, 0, 0)
	check("goroutines", r.goroutines, before.goroutines, slack)
	check("descriptors", r.descriptors, before.descriptors, slack)
	return out
}

// settle takes readings until one is as it should be, for settleWithin at most.
// It returns the last one, and in what it is not.
func settle(ctx context.Context, d *daemon, a *admin, before reading) (last reading, unsettled []string) {
	if !pause(ctx, settleFor) {
		return reading{}, []string{ctx.Err().Error()}
	}
	for deadline := time.Now().Add(settleWithin); ; {
		r, err := read(ctx, d, a)
		if err == nil {
			last, unsettled = r, r.unsettled(before)
		} else {
			unsettled = []string{err.Error()}
		}
		if len(unsettled) == 0 || time.Now().After(deadline) || !pause(ctx, 250*time.Millisecond) {
			return last, unsettled
		}
	}
}
