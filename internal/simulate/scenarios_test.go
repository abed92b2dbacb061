package simulate

import (
	"slices"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/autoscaler"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

const (
	ms     = time.Millisecond
	second = time.Second
)

// The defaults of the config.
func scaling(low, high int) autoscaler.Settings {
	return autoscaler.Settings{
		Bounds: notice.Bounds{Min: low, Max: high}, Window: 5 * second, Idle: 30 * second,
		Thresholds: autoscaler.Thresholds{Up: 3, Down: 0.5},
	}
}

var (
	auto    = registry.Options{MaxConcurrency: registry.AutoConcurrency, QueueLimit: 1024, QueueTimeout: 10 * second}
	noLimit = registry.Options{QueueLimit: 1024, QueueTimeout: 10 * second}

	// oneAtATime is an app whose instances work on one request at a time, 20 a second.
	oneAtATime = App{Boot: 30 * ms, Service: 50 * ms, Concurrency: 1}
	// unbounded is an app that works on any number of requests at the same time.
	unbounded = App{Boot: 30 * ms, Service: 200 * ms}
)

// step is a load that rises from 25 to 140 requests per second.
var step = []Phase{{Rate: 25, For: 20 * second}, {Rate: 140, For: 40 * second}}

// stepAt is when it rises.
const stepAt = 20 * second

func slowBoot(a App) App {
	a.Boot = second
	return a
}

// TestStep: after a step of the load, the mean stays near that of a pool that was
// large enough from the start, and the 95th percentile is back within 3 s.
func TestStep(t *testing.T) {
	t.Parallel()
	for seed := range seeds(10) {
		static := Run(Scenario{App: oneAtATime, Load: step, Seed: seed, Registry: auto, Scaling: scaling(8, 8)})
		scaled := Run(Scenario{App: oneAtATime, Load: step, Seed: seed, Registry: auto, Scaling: scaling(2, 8)})
		best, _ := static.took(stepAt, stepAt+40*second)
		got, failed := scaled.took(stepAt, stepAt+40*second)
		if m := mean(got); failed > 0 || m > 2*mean(best) || m > 195*ms {
			t.Errorf("seed %d: mean %v, %d failed; a static pool has %v", seed, m, failed, mean(best))
			scaled.log(t)
		}
		best, _ = static.took(stepAt+3*second, stepAt+40*second)
		got, _ = scaled.took(stepAt+3*second, stepAt+40*second)
		if p, limit := quantile(got, .95), quantile(best, .95)*12/10; p > limit {
			t.Errorf("seed %d: p95 from 3 s after the step on is %v, want at most %v", seed, p, limit)
			scaled.log(t)
		}
	}
}

// TestStepSlowBoot: instances that take 1 s to start are not started in surplus while
// the load waits for them.
func TestStepSlowBoot(t *testing.T) {
	t.Parallel()
	surplus := 0
	for seed := range seeds(10) {
		load := slices.Insert(slices.Clone(step), 0, Phase{For: 2 * second}) // the first instances are ready
		r := Run(Scenario{App: slowBoot(oneAtATime), Load: load, Seed: seed, Registry: auto, Scaling: scaling(2, 20)})
		got, failed := r.took(stepAt+2*second, stepAt+42*second)
		if m := mean(got); failed > 0 || m > 480*ms {
			t.Errorf("seed %d: mean %v, %d failed", seed, m, failed)
			r.log(t)
		}
		if n := r.largest(); n > 9 {
			surplus++
			t.Logf("seed %d: %d instances where 8 are needed", seed, n)
			r.log(t)
		}
	}
	if surplus > max(1, int(seeds(10))*3/10) {
		t.Errorf("more than one surplus instance in %d of %d runs", surplus, seeds(10))
	}
}

// TestStepUnbounded: an app that works on any number of requests gets no more
// instances than the threshold calls for, and no request waits.
func TestStepUnbounded(t *testing.T) {
	t.Parallel()
	for seed := range seeds(10) {
		r := Run(Scenario{App: unbounded, Load: step, Seed: seed, Registry: auto, Scaling: scaling(2, 20)})
		got, failed := r.took(0, time.Hour)
		if p := quantile(got, .999); failed > 0 || p > 204*ms {
			t.Errorf("seed %d: p99.9 is %v, %d failed", seed, p, failed)
		}
		if n := r.largest(); n > 13 { // 28 requests in flight on average, up to 40: 40/3
			t.Errorf("seed %d: %d instances", seed, n)
			r.log(t)
		}
	}
}

// TestFromZero: a burst starts several instances at once, and they share it.
func TestFromZero(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		app   App
		burst int
		want  time.Duration
	}{
		{"25 requests", oneAtATime, 25, 390 * ms},
		{"100 requests, slow boot", slowBoot(oneAtATime), 100, 2100 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := Run(Scenario{App: c.app, Load: []Phase{{Burst: c.burst}}, Registry: auto, Scaling: scaling(0, 8)})
			_, failed := r.took(0, time.Hour)
			if last := r.last(); failed > 0 || last > c.want {
				t.Errorf("the last response came after %v, want at most %v; %d failed", last, c.want, failed)
				r.log(t)
			}
		})
	}
}

// TestSteady: with instances that work on one request at a time, what dynlb finds out
// is as good as maxConcurrency: 1.
func TestSteady(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds with the race detector")
	}
	app := oneAtATime
	app.Exponential = true
	one := auto
	one.MaxConcurrency = 1
	for _, rate := range []float64{128, 144} { // 0.8 and 0.9 of the capacity of 8
		load := []Phase{{Rate: rate, For: 300 * second}}
		run := func(o registry.Options) []time.Duration {
			r := Run(Scenario{App: app, Load: load, Registry: o, Scaling: scaling(8, 8)})
			times, _ := r.took(10*second, time.Hour)
			return times
		}
		found, known, none := run(auto), run(one), run(noLimit)
		if m, p := mean(found), quantile(found, .99); m > mean(known)*105/100 || p > quantile(known, .99)*105/100 {
			t.Errorf("%v/s: mean %v and p99 %v; with maxConcurrency 1: %v and %v", rate, m, p, mean(known), quantile(known, .99))
		}
		if quantile(found, .99) >= quantile(none, .99) {
			t.Errorf("%v/s: the limit does not pay: p99 %v, without %v", rate, quantile(found, .99), quantile(none, .99))
		}
	}
}

// TestUnboundedCostsNothing: an app with 1,000 requests in flight is not limited, also
// when its work takes random times and when it becomes five times slower.
func TestUnboundedCostsNothing(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds with the race detector")
	}
	for name, app := range map[string]App{
		"constant":    unbounded,
		"exponential": {Boot: 30 * ms, Service: 200 * ms, Exponential: true},
		"slower":      {Boot: 30 * ms, Service: 200 * ms, Slower: 5, SlowerFrom: 5 * second, SlowerTo: 10 * second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := func(o registry.Options) ([]time.Duration, int) {
				r := Run(Scenario{App: app, Load: []Phase{{Rate: 5000, For: 15 * second}}, Registry: o, Scaling: scaling(1, 1)})
				return r.took(0, time.Hour)
			}
			got, failed := run(auto)
			want, _ := run(noLimit)
			if failed > 0 || mean(got) > mean(want)*102/100 || quantile(got, .99) > quantile(want, .99)*102/100 {
				t.Errorf("mean %v, p99 %v, %d failed; without a limit %v and %v", mean(got), quantile(got, .99), failed, mean(want), quantile(want, .99))
			}
		})
	}
}

// TestDownUnderTraffic: instances that the load does not need go although requests
// keep coming.
func TestDownUnderTraffic(t *testing.T) {
	t.Parallel()
	app := App{Boot: 30 * ms, Service: 50 * ms}
	for seed := range seeds(10) {
		settings := scaling(1, 8)
		settings.Idle = 5 * second
		r := Run(Scenario{App: app, Load: []Phase{{For: second}, {Burst: 12, Rate: 24, For: 40 * second}}, Seed: seed, Registry: auto, Scaling: settings, From: 4})
		if n := r.target(16 * second); n > 2 {
			t.Errorf("seed %d: %d instances after three times idleTimeout", seed, n)
			r.log(t)
		}
		times, failed := r.took(0, time.Hour)
		if p := quantile(times, 1); failed > 0 || p > 60*ms {
			t.Errorf("seed %d: a request took %v, %d failed", seed, p, failed)
		}
	}
}

// TestCalm: a load that comes and goes does not make the target follow it each time.
func TestCalm(t *testing.T) {
	t.Parallel()
	var load []Phase
	for range 10 {
		load = append(load, Phase{Rate: 120, For: 4 * second}, Phase{Rate: 5, For: 5 * second})
	}
	for _, app := range []App{oneAtATime, {Boot: 30 * ms, Service: 50 * ms}} {
		for seed := range seeds(10) {
			r := Run(Scenario{App: app, Load: load, Seed: seed, Registry: auto, Scaling: scaling(1, 8)})
			n := 0
			for _, c := range r.Changes {
				if c.At >= 18*second {
					n++
				}
			}
			if n > 4 {
				t.Errorf("seed %d: %d changes after two cycles", seed, n)
				r.log(t)
			}
		}
	}
}

// TestDeterministic: the same scenario has the same result.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	s := Scenario{App: oneAtATime, Load: step, Seed: 7, Registry: auto, Scaling: scaling(2, 8)}
	a, b := Run(s), Run(s)
	if !slices.Equal(a.Changes, b.Changes) || len(a.Requests) != len(b.Requests) {
		t.Error("two runs differ")
	}
	for i := range a.Requests {
		if a.Requests[i].Took != b.Requests[i].Took {
			t.Fatalf("request %d took %v, then %v", i, a.Requests[i].Took, b.Requests[i].Took)
		}
	}
}

// TestStalls: on a machine that is busy with other work now and then, requests overlap
// while they are slow. An app that works on any number of requests is not limited for
// long because of it.
func TestStalls(t *testing.T) {
	t.Parallel()
	for seed := range seeds(10) {
		settings := scaling(1, 8)
		settings.Idle = 5 * second
		run := func(o registry.Options) Result {
			app := App{Boot: 30 * ms, Service: 50 * ms, Stall: 300 * ms}
			return Run(Scenario{App: app, Load: []Phase{{Rate: 24, For: 60 * second}}, Seed: seed, Registry: o, Scaling: settings, From: 4})
		}
		limited, free := run(auto), run(noLimit)
		got, failed := limited.took(0, time.Hour)
		want, _ := free.took(0, time.Hour)
		if failed > 0 || mean(got) > mean(want)*3/2 {
			t.Errorf("seed %d: mean %v, p99 %v, %d failed, %d instances; without a limit %v, %v", seed,
				mean(got), quantile(got, .99), failed, limited.target(60*second), mean(want), quantile(want, .99))
			limited.log(t)
		}
	}
}
