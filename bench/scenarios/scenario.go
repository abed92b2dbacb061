package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// scenario is an app, its load, and the bounds of its number of instances.
type scenario struct {
	name      string
	about     string
	app       app
	load      []phase
	low, high int
	settings  []string      // further lines of dynlb's config
	from, to  time.Duration // requests due in this time count; to 0: all
	patience  time.Duration // after which clients leave
	static    bool          // whether the number of instances is fixed: then with peers
	slow      bool          // whether one instance is slower
	sitting   sitting       // clients that ask for no work
	scaleTo   int           // instances at the beginning; 0: low
}

const ms = time.Millisecond

var (
	blocking  = app{boot: 20 * ms, service: 50 * ms, concurrency: 1, slower: 1}
	slowStart = app{boot: time.Second, service: 50 * ms, concurrency: 1, slower: 1}
	async     = app{boot: 20 * ms, service: 200 * ms, slower: 1}
	random    = app{service: 50 * ms, concurrency: 1, exponential: true, slower: 1}
	stepLoad  = []phase{{rate: 25, last: 10 * time.Second}, {rate: 140, last: 40 * time.Second}}
)

// scenarios returns all scenarios.
func scenarios() []scenario {
	var flapping []phase
	for range 10 {
		flapping = append(flapping, phase{rate: 120, last: 4 * time.Second}, phase{rate: 5, last: 5 * time.Second})
	}
	return []scenario{
		{name: "step", about: "25/s, then 140/s for 40 s; 50 ms, one at a time; 2 to 8", app: blocking, load: stepLoad, low: 2, high: 8, from: 10 * time.Second},
		{name: "step-settled", about: "the same, from 3 s after the step on", app: blocking, load: stepLoad, low: 2, high: 8, from: 13 * time.Second},
		{name: "step-static", about: "the same load on 8 instances from the start, from 3 s after the step on", app: blocking, load: stepLoad, low: 8, high: 8, from: 13 * time.Second},
		{name: "step-boot", about: "step with instances that take 1 s to boot; 2 to 12", app: slowStart, load: stepLoad, low: 2, high: 12, from: 10 * time.Second},
		{name: "step-async", about: "step with 200 ms, any number at a time", app: async, load: stepLoad, low: 2, high: 8, from: 10 * time.Second},
		{name: "step-1s", about: "step at checkInterval 1 s", app: blocking, load: stepLoad, low: 2, high: 8, from: 10 * time.Second, settings: []string{"checkInterval: 1000"}},
		{name: "zero", about: "no instance, 25 requests at once", app: blocking, load: []phase{{burst: 25}}, low: 0, high: 8},
		{name: "zero-boot", about: "no instance, 1 s to boot, 100 requests at once", app: slowStart, load: []phase{{burst: 100}}, low: 0, high: 8},
		{name: "steady-80", about: "8 instances, exponential 50 ms, utilization 0.8", app: random, load: []phase{{rate: 128, last: 60 * time.Second}}, low: 8, high: 8, from: 5 * time.Second, static: true},
		{name: "steady-90", about: "the same at 0.9", app: random, load: []phase{{rate: 144, last: 60 * time.Second}}, low: 8, high: 8, from: 5 * time.Second, static: true},
		{name: "slow-one", about: "one of 8 is ten times slower, utilization 0.5", app: app{service: 50 * ms, concurrency: 1, slower: 10}, load: []phase{{rate: 70, last: 40 * time.Second}}, low: 8, high: 8, from: 10 * time.Second, static: true, slow: true},
		{name: "slow-none", about: "the same load on the 7 others", app: app{service: 50 * ms, concurrency: 1, slower: 1}, load: []phase{{rate: 70, last: 40 * time.Second}}, low: 7, high: 7, from: 10 * time.Second},
		{name: "overload", about: "twice the capacity of 8 for 30 s, clients leave after 1 s", app: blocking, load: []phase{{rate: 320, last: 30 * time.Second}}, low: 8, high: 8, from: 5 * time.Second, patience: time.Second, static: true},
		{name: "down", about: "4 instances, 24/s of 50 ms, any number at a time, idleTimeout 5 s", app: app{boot: 20 * ms, service: 50 * ms, slower: 1}, load: []phase{{rate: 24, last: 40 * time.Second}}, low: 1, high: 8, settings: []string{"idleTimeout: 5s"}, scaleTo: 4},
		{name: "sitting", about: "60 idle WebSockets, 30 silent streams, 24 uploads of a byte per second; 20/s of 20 ms for others; 1 to 8, 4 at a time", app: app{boot: 20 * ms, service: 20 * ms, slower: 1}, load: []phase{{rate: 20, last: 30 * time.Second}}, low: 1, high: 8, settings: []string{"maxConcurrency: 4"}, sitting: sitting{60, 30, 24}},
		{name: "flapping", about: "ten times 120/s for 4 s and 5/s for 5 s", app: blocking, load: flapping, low: 1, high: 8, from: 18 * time.Second},
	}
}

// slowAt returns the app, with the instance on a port slower if the scenario has one.
func (s scenario) slowAt(port int) app {
	a := s.app
	if s.slow {
		a.slowPort = port
	}
	return a
}

// systems returns what the scenario is measured on.
func (s scenario) systems(o options) []system {
	// The instances wait and do not compute. Other work on the machine must not hold
	// scaling up back.
	all := []system{dynlb("dynlb", o.dynlb, "brakes: {cpu: false}")}
	if o.before != "" {
		all = append(all, dynlb("before", o.before))
	}
	if s.static {
		all = append(all, haproxy("haproxy", 0), haproxy("haproxy-1", 1), nginx())
	}
	return all
}

// result is what a run of a scenario on a system gave.
type result struct {
	requests, failed    int
	mean, p50, p95, p99 time.Duration
	last                time.Duration // when the last request ended
	goodput             float64       // good responses per second
	slowShare           float64       // share of the requests that went to the slow instance
	largest, final      int           // instances
	changes             int           // of their number, in the measured time
}

// String is the result on one line.
func (r result) String() string {
	return fmt.Sprintf("mean %v, p95 %v, p99 %v, last %v, %d of %d failed, %.1f/s, instances up to %d, %d at the end, %d changes, slow %.1f %%",
		r.mean.Round(ms/10), r.p95.Round(ms), r.p99.Round(ms), r.last.Round(ms), r.failed, r.requests, r.goodput, r.largest, r.final, r.changes, 100*r.slowShare)
}

// measure runs a scenario on a system.
func measure(ctx context.Context, dir string, s scenario, y system, seed uint64) (result, error) {
	it, err := y.start(ctx, dir, s)
	if it.stop != nil {
		defer it.stop()
	}
	if err != nil {
		return result{}, err
	}
	if s.scaleTo > 0 && it.status != "" {
		if err := it.scale(ctx, s.scaleTo); err != nil {
			return result{}, err
		}
	}
	sizes := watch(ctx, it)
	leave := s.sitting.sit(ctx, it.url)
	defer leave()
	outcomes := send(ctx, it.url, due(s.load, seed), s.patience)
	r := summarize(s, outcomes)
	r.count(s, sizes())
	return r, ctx.Err()
}

// summarize returns the result of the requests that count.
func summarize(s scenario, outcomes []outcome) result {
	var r result
	var good []time.Duration
	perInstance := map[string]int{}
	end := time.Duration(0)
	for _, o := range outcomes {
		if o.at < s.from || s.to > 0 && o.at >= s.to {
			continue
		}
		r.requests++
		r.last = max(r.last, o.at+o.took)
		end = max(end, o.at)
		if !o.ok {
			r.failed++
			continue
		}
		perInstance[o.instance]++
		good = append(good, o.took)
		r.mean += o.took
	}
	slices.Sort(good)
	if n := len(good); n > 0 {
		r.mean /= time.Duration(n)
		r.p50, r.p95, r.p99 = good[n/2], good[n*95/100], good[n*99/100]
		if seconds := (end - s.from).Seconds(); seconds > 0 {
			r.goodput = float64(n) / seconds
		}
		fewest := n
		for _, got := range perInstance {
			fewest = min(fewest, got)
		}
		if s.slow {
			r.slowShare = float64(fewest) / float64(n)
			if len(perInstance) < s.high {
				r.slowShare = 0
			}
		}
	}
	return r
}
