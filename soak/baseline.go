package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

const (
	// settleWithin bounds the time in which dynlb returns to its state before the
	// load: it drains requests, closes idle connections to instances (after 4 s)
	// and starts missing instances.
	settleWithin = 60 * time.Second
	// settleFor is how long a soak waits at least before it reads, so that
	// resources that are being released are not counted into the slack.
	settleFor = 6 * time.Second
	// slack is how many more goroutines and descriptors than before are no leak:
	// one or two health checks (a connection with two goroutines each) and the
	// scrape that counts them. A leak at every request or fault is at least ten
	// times as large.
	slack = 8
)

// handshakers returns how many goroutines dynlb keeps for the next handshakes of TLS: four
// for each processor of Go, of which it has one more than the machine (see the shakers of
// proxy/fast).
func handshakers() int {
	if clientTLS == nil {
		return 0
	}
	return 4 * (runtime.NumCPU() + 1)
}

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
		processes:   len(instancesOf(d.pid())) - a.others,
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

// unsettled returns the values of a reading that are wrong for an idle dynlb;
// before is a reading from before the load.
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
	check("goroutines", r.goroutines, before.goroutines, slack+handshakers())
	check("descriptors", r.descriptors, before.descriptors, slack)
	return out
}

// settle takes readings until one is right, for at most settleWithin. It returns
// the last reading and what is wrong with it.
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
