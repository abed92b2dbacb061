// Package simulate runs the scaling of an app in virtual time: the registry and the
// autoscaler of dynlb itself against a model of the app and its load. A minute of the
// load takes milliseconds, and the same input gives the same result.
package simulate

import (
	"time"

	"github.com/dynlb/dynlb/internal/autoscaler"
	"github.com/dynlb/dynlb/internal/registry"
)

// App is the model of an app.
type App struct {
	// Boot is the time from the start of an instance until it is ready.
	Boot time.Duration
	// Service is the mean time in which an instance works on a request.
	Service time.Duration
	// Exponential makes the service time of a request random, exponentially distributed.
	Exponential bool
	// Concurrency is how many requests an instance works on at the same time, the others
	// wait in it, first come, first served. Zero: any number.
	Concurrency int
	// Slower is by how many times the work is slower between SlowerFrom and SlowerTo, for
	// example because of a database. Zero: never.
	Slower               float64
	SlowerFrom, SlowerTo time.Duration
	// Stall is the time in each second in which no instance works, as on a machine that
	// others use too.
	Stall time.Duration
	// SlowOne is by how many times the first instance is slower than the others, for a
	// time; zero: always. Zero times: it is not slower.
	SlowOne    float64
	SlowOneFor time.Duration
	// Cold is by how many times longer a request takes in an instance that has just become
	// ready, as with a compiler that works in the background. The work gets faster for the
	// time of WarmUp. Zero: it is not slower.
	Cold   float64
	WarmUp time.Duration
}

// Phase is a part of the load: requests arrive at random (a Poisson process) at a rate
// per second.
type Phase struct {
	Rate float64
	For  time.Duration
	// Burst is the number of requests that arrive at the beginning, at once.
	Burst int
	// Streams is the number of streams that begin with the phase and then do nothing.
	Streams int
}

// Scenario is what is simulated.
type Scenario struct {
	App      App
	Load     []Phase
	Crashes  []Crash
	Seed     uint64
	From     int           // instances at the beginning; 0: the lower bound
	Patience time.Duration // after which a client leaves; 0: never
	Registry registry.Options
	Scaling  autoscaler.Settings
}

// Request is what became of a request.
type Request struct {
	At       time.Duration // since the beginning
	Took     time.Duration
	Waited   time.Duration // in the queue
	Instance registry.ID   // "" when it got none
	Err      error
}

// Change is a change of the target.
type Change struct {
	At       time.Duration
	From, To int
	Rule     string // see package autoscaler
	Reason   string
}

// Result is what happened.
type Result struct {
	Requests []Request
	Changes  []Change
	// Sizes are the changes of the number of ready instances.
	Sizes []Size

	first registry.ID // the instance that started first
}

// target returns the target at a time.
func (r Result) target(at time.Duration) int {
	n := 0
	for _, c := range r.Changes {
		if c.At <= at {
			n = c.To
		}
	}
	return n
}

// Size is the number of instances from a time on.
type Size struct {
	At              time.Duration
	Ready, Starting int
}
