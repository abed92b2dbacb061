package simulate

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// shares returns which part of the requests from a time on each instance got.
func (r Result) shares(from time.Duration) map[registry.ID]float64 {
	n, counts := 0.0, make(map[registry.ID]float64)
	for _, q := range r.Requests {
		if q.At >= from && q.Instance != "" {
			counts[q.Instance]++
			n++
		}
	}
	for id := range counts {
		counts[id] /= n
	}
	return counts
}

// TestSlowOne: an instance that is ten times slower than the others gets almost no
// requests, and the pool is almost as fast as without it.
func TestSlowOne(t *testing.T) {
	t.Parallel()
	one := auto
	one.MaxConcurrency = 1
	for name, options := range map[string]registry.Options{"auto": auto, "1": one, "none": noLimit} {
		for seed := range seeds(5) {
			load := []Phase{{For: second}, {Rate: 70, For: 60 * second}}
			app := oneAtATime
			without := Run(Scenario{App: app, Load: load, Seed: seed, Registry: options, Scaling: scaling(7, 7)})
			app.SlowOne = 10
			with := Run(Scenario{App: app, Load: load, Seed: seed, Registry: options, Scaling: scaling(8, 8)})
			best, _ := without.took(15*second, time.Hour)
			got, failed := with.took(15*second, time.Hour)
			if p, limit := quantile(got, .99), quantile(best, .99)*13/10; p > limit || failed > 0 {
				t.Errorf("maxConcurrency %s, seed %d: p99 %v, want at most %v; %d failed", name, seed, p, limit, failed)
			}
			if share := with.shares(15 * second)[with.first]; share >= 0.02 || share == 0 {
				t.Errorf("maxConcurrency %s, seed %d: the slow instance got %.1f %%", name, seed, 100*share)
			}
		}
	}
}

// TestSlowOneRecovers: a slow instance that is as fast as the others again gets its share.
func TestSlowOneRecovers(t *testing.T) {
	t.Parallel()
	app := oneAtATime
	app.SlowOne, app.SlowOneFor = 10, 20*second
	load := []Phase{{For: second}, {Rate: 120, For: 60 * second}}
	r := Run(Scenario{App: app, Load: load, Registry: auto, Scaling: scaling(8, 8)})
	if share := r.shares(45 * second)[r.first]; share < 0.1 {
		t.Errorf("it gets %.1f %% of the requests", 100*share)
	}
}

// TestNoneSlow: with random service times, no instance is taken for a slow one. (The first
// of the idle instances gets a request, so the shares are not quite equal.)
func TestNoneSlow(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds with the race detector")
	}
	app := oneAtATime
	app.Exponential = true
	one := auto
	one.MaxConcurrency = 1
	for name, options := range map[string]registry.Options{"auto": auto, "1": one, "none": noLimit} {
		for seed := range seeds(5) {
			load := []Phase{{For: second}, {Rate: 144, For: 120 * second}}
			r := Run(Scenario{App: app, Load: load, Seed: seed, Registry: options, Scaling: scaling(8, 8)})
			for id, share := range r.shares(15 * second) {
				if share < 0.125*0.85 || share > 0.125*1.15 {
					t.Errorf("maxConcurrency %s, seed %d: instance %s got %.1f %%", name, seed, id, 100*share)
				}
			}
		}
	}
}
