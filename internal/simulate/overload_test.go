package simulate

import (
	"slices"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestOverload: with more load than the instances bear, and clients that leave after a
// second, the instances respond to almost as many clients in time as they can. It may
// take some seconds to find out how many requests an instance works on at the same time.
func TestOverload(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds with the race detector")
	}
	one := auto
	one.MaxConcurrency = 1
	random, four, slow := oneAtATime, oneAtATime, oneAtATime
	random.Exponential = true
	four.Exponential, four.Concurrency = true, 4
	slow.Exponential, slow.Service = true, 200*ms
	for _, c := range []struct {
		name          string
		app           App
		options       registry.Options
		worst, median float64 // part of the capacity
	}{
		{"auto", oneAtATime, auto, 0.85, 0.9},
		{"1", oneAtATime, one, 0.95, 0.95},
		{"auto, random", random, auto, 0.85, 0.9},
		{"1, random", random, one, 0.95, 0.95},
		{"auto, four at a time", four, auto, 0.5, 0.75},
		// When a fifth of the patience is needed for the work, a request that comes after two
		// long ones is late.
		{"auto, slow", slow, auto, 0.5, 0.6},
		{"1, slow", slow, one, 0.6, 0.65},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			capacity := 8 * float64(c.app.Concurrency) / c.app.Service.Seconds()
			var goodputs []float64
			for seed := range seeds(9) {
				load := []Phase{{For: 2 * second}, {Rate: 2 * capacity, For: 30 * second}}
				r := Run(Scenario{App: c.app, Load: load, Seed: seed, Patience: second, Registry: c.options, Scaling: scaling(8, 8)})
				good, _ := r.took(2*second, 32*second)
				goodputs = append(goodputs, float64(len(good))/capacity/30)
			}
			slices.Sort(goodputs)
			if goodputs[0] < c.worst || goodputs[len(goodputs)/2] < c.median {
				t.Errorf("responses in time, as part of the capacity: %.2f; want %v and a median of %v", goodputs, c.worst, c.median)
			}
		})
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
