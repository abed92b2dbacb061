package simulate

import (
	"slices"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestOverload: with twice the load that the instances bear, and clients that leave after
// a second, the instances respond to almost as many clients in time as they can. It may
// take some seconds to find out that they work on one request at a time.
func TestOverload(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds with the race detector")
	}
	one := auto
	one.MaxConcurrency = 1
	random := oneAtATime
	random.Exponential = true
	const capacity = 160 // requests per second of 8 instances
	for _, options := range []registry.Options{auto, one} {
		for _, app := range []App{oneAtATime, random} {
			var goodputs []int
			for seed := range seeds(9) {
				load := []Phase{{For: 2 * second}, {Rate: 2 * capacity, For: 30 * second}}
				r := Run(Scenario{App: app, Load: load, Seed: seed, Patience: second, Registry: options, Scaling: scaling(8, 8)})
				good, _ := r.took(2*second, 32*second)
				goodputs = append(goodputs, len(good))
			}
			slices.Sort(goodputs)
			if goodputs[0] < capacity*30*7/10 || goodputs[4] < capacity*30*9/10 {
				t.Errorf("maxConcurrency %d, exponential %v: %d requests in time, of %d",
					options.MaxConcurrency, app.Exponential, goodputs, capacity*30)
			}
		}
	}
}

// TestSteadyIsNoOverload: chance at a utilization of 0.9 is not taken for overload, nor
// is a burst, which clients wait for.
func TestSteadyIsNoOverload(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds with the race detector")
	}
	app := oneAtATime
	app.Exponential = true
	one := auto
	one.MaxConcurrency = 1
	for name, load := range map[string][]Phase{
		"steady": {{For: second}, {Rate: 144, For: 300 * second}},
		"burst":  {{For: second}, {Burst: 300, Rate: 80, For: 10 * second}},
	} {
		for _, options := range []registry.Options{auto, one} {
			for seed := range seeds(10) {
				r := Run(Scenario{App: app, Load: load, Seed: seed, Registry: options, Scaling: scaling(8, 8)})
				if _, failed := r.took(0, 400*second); failed > 0 {
					t.Errorf("%s, maxConcurrency %d, seed %d: %d failed", name, options.MaxConcurrency, seed, failed)
				}
			}
		}
	}
}
