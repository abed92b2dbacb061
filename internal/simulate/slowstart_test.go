package simulate

import (
	"slices"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestSlowStart: when an instance is replaced and the new one needs 10 s to become as fast,
// slowStart brings the 99th percentile nearer to that of a warm pool. It costs little when
// the new one is as fast at once.
func TestSlowStart(t *testing.T) {
	t.Parallel()
	run := func(app App, rate float64, seed uint64, slowStart time.Duration) time.Duration {
		app.Boot, app.Service, app.WarmUp = 300*ms, 50*ms, 10*second
		options := auto
		options.SlowStart = slowStart
		r := Run(Scenario{
			App: app, Seed: seed, Registry: options, Scaling: scaling(8, 8),
			Load: []Phase{{For: 15 * second}, {Rate: rate, For: 40 * second}}, Crashes: []Crash{{At: 45 * second, Nth: 3}},
		})
		times, _ := r.took(45*second, 55*second)
		return quantile(times, .99)
	}
	for name, c := range map[string]struct {
		app  App
		rate float64
		want float64 // p99 as a part of that without slowStart
	}{
		"one at a time":         {App{Concurrency: 1, Cold: 10}, 80, 0.5},
		"any number":            {App{Cold: 3}, 320, 0.85},
		"any number, very cold": {App{Cold: 30}, 320, 0.85},
		"always warm":           {App{Concurrency: 1}, 80, 1.1},
		"always warm, random":   {App{Concurrency: 1, Exponential: true}, 80, 1.1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ratios []float64
			for seed := range seeds(9) {
				ratios = append(ratios, float64(run(c.app, c.rate, seed, 10*second))/float64(run(c.app, c.rate, seed, 0)))
			}
			slices.Sort(ratios)
			if ratios[(len(ratios)-1)/2] > c.want {
				t.Errorf("p99 with slowStart is %.2f times that without, want a median of %v", ratios, c.want)
			}
		})
	}
}

// TestSlowStartOfAll: when all instances are new, none waits for its share.
func TestSlowStartOfAll(t *testing.T) {
	t.Parallel()
	options := auto
	options.SlowStart = time.Minute
	for name, o := range map[string]registry.Options{"slowStart": options, "none": auto} {
		r := Run(Scenario{App: oneAtATime, Load: step, Seed: 1, Registry: o, Scaling: scaling(2, 8)})
		times, failed := r.took(0, time.Hour)
		if m := mean(times); m > 100*ms || failed > 0 {
			t.Errorf("%s: mean %v, %d failed", name, m, failed)
		}
	}
}
