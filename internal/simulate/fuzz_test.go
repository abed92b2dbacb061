package simulate

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/autoscaler"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// draw turns bytes into numbers; after the last byte all are 0.
type draw []byte

// below returns a number below n.
func (d *draw) below(n int) int {
	if len(*d) == 0 {
		return 0
	}
	b := (*d)[0]
	*d = (*d)[1:]
	return int(b) % n
}

// of returns one of the choices.
func of[T any](d *draw, choices ...T) T { return choices[d.below(len(choices))] }

// maxRequests bounds the requests of a phase of a trial.
const maxRequests = 5000

// trial is a scenario that was drawn. After its phases, in which instances crash, the load
// is steady, and then there is none.
type trial struct {
	Scenario
	steadyFrom, steadyTo time.Duration
	load                 float64       // part of the capacity of all instances in the steady phase
	settles              time.Duration // when what came before the steady phase is worked off at the latest
}

// drawTrial returns the trial that the bytes stand for.
func drawTrial(data []byte) trial {
	d := draw(data)
	low := d.below(4)
	high := max(1, low+d.below(10))
	var t trial
	t.Scaling = autoscaler.Settings{
		Bounds:     notice.Bounds{Min: low, Max: high},
		Window:     of(&d, second, 2*second, 5*second),
		Idle:       of(&d, second, 3*second, 5*second),
		Spare:      d.below(3),
		Thresholds: autoscaler.Thresholds{Up: of(&d, 3, 1, 8.5), Down: of(&d, 0.5, 0.1, 0.9)},
	}
	t.App = App{
		Boot:        of(&d, 30*ms, 0, 300*ms, second, 3*second),
		Service:     of(&d, 50*ms, 5*ms, 200*ms, second),
		Exponential: d.below(2) == 1,
		Concurrency: of(&d, 1, 0, 2, 4),
	}
	t.Registry = registry.Options{MaxConcurrency: of(&d, registry.AutoConcurrency, 0, 1, 4), QueueLimit: 1024, QueueTimeout: 10 * second}
	t.Seed = uint64(d.below(256))
	each := float64(max(1, t.App.Concurrency)) / t.App.Service.Seconds() // requests per second
	if t.App.Concurrency == 0 {
		each *= t.Scaling.Thresholds.Up
	}
	if n := t.Registry.MaxConcurrency; n > 0 {
		each = min(each, float64(n)/t.App.Service.Seconds())
	}
	all := each * float64(high)
	at, before := time.Duration(0), 0.0
	phase := func(part float64, length time.Duration, burst int) {
		p := Phase{Rate: part * all, For: length, Burst: burst}
		if p.Rate > 0 {
			p.For = min(length, time.Duration(maxRequests/p.Rate*float64(second)))
		}
		t.Load = append(t.Load, p)
		at += p.For
		before += float64(p.Burst) + p.Rate*p.For.Seconds()
	}
	for range d.below(4) {
		phase(float64(d.below(16))/10, time.Duration(1+d.below(10))*second, d.below(100))
	}
	for range d.below(6) {
		t.Crashes = append(t.Crashes, Crash{At: at * time.Duration(d.below(16)) / 15, Nth: d.below(8)})
	}
	t.load = float64(d.below(10)) / 10
	t.steadyFrom = at
	waiting := before
	phase(t.load, 20*t.Scaling.Idle, 0)
	t.steadyTo = at
	t.settles = t.steadyFrom + time.Duration(waiting/all/(1-t.load)*float64(second))
	t.Load = append(t.Load, Phase{For: quiet(t.Scaling)})
	return t
}

// quiet is the time without load after which no instance is more than minInstances:
// removals wait for up to eight times idleTimeout, and responses that took 100 s count as
// load for 80 s.
func quiet(s autoscaler.Settings) time.Duration { return 9*s.Idle + 3*s.Window + 80*second }

// check returns what is wrong with the result of a trial.
func (t *trial) check(r Result) (wrong []string) {
	bad := func(format string, a ...any) { wrong = append(wrong, fmt.Sprintf(format, a...)) }
	bounds := t.Scaling.Bounds
	for _, c := range r.Changes {
		if c.To < bounds.Min || c.To > bounds.Max {
			bad("%v: the target %d is not within %d to %d: %s", c.At, c.To, bounds.Min, bounds.Max, c.Reason)
		}
	}
	end := t.steadyTo + quiet(t.Scaling)
	if n, want := r.target(end), bounds.Clamp(t.Scaling.Spare); n != want {
		bad("the target is %d after %v without load, want %d", n, quiet(t.Scaling), want)
	}
	if last := r.Sizes[len(r.Sizes)-1]; last.Ready != r.target(end) || last.Starting != 0 {
		bad("%d instances ready and %d starting at the end, want %d", last.Ready, last.Starting, r.target(end))
	}
	for _, q := range r.Requests {
		if q.Took == 0 {
			bad("the request of %v never ended", q.At)
		}
	}
	return append(wrong, t.checkSteady(r)...)
}

// checkSteady returns what is wrong with the second half of the steady phase.
func (t *trial) checkSteady(r Result) (wrong []string) {
	middle := t.steadyFrom + (t.steadyTo-t.steadyFrom)/2 // chance may still move the target
	turns, up := 0, true
	for _, c := range r.Changes {
		if c.At >= middle && c.At < t.steadyTo {
			if rises := c.To > c.From; rises != up {
				turns, up = turns+1, rises
			}
		}
	}
	if turns > 6 {
		wrong = append(wrong, fmt.Sprintf("the target turned %d times in %v of a steady load", turns, t.steadyTo-middle))
	}
	if t.load <= 0.6 && t.steadyTo-middle > 10*second && t.settles < middle {
		if times, failed := r.took(middle, t.steadyTo); failed > 0 {
			wrong = append(wrong, fmt.Sprintf("%d of %d requests of a steady load failed", failed, failed+len(times)))
		}
	}
	return wrong
}

// FuzzScaling: whatever the load, the crashes and the settings, the target stays within
// its bounds, a steady load that the instances bear is served and does not make the target
// go up and down, every request ends, and without load the target goes to the minimum and
// as many instances are ready.
func FuzzScaling(f *testing.F) {
	f.Add([]byte(nil))
	for seed := range seeds(20) {
		f.Add(randomBytes(seed))
	}
	// Those with which an app was limited to fewer requests than it works on at the same time,
	// until almost all failed.
	for _, seed := range []uint64{786, 1283, 1353, 1373, 1679, 1873} {
		f.Add(randomBytes(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		trial := drawTrial(data)
		r := Run(trial.Scenario)
		for _, text := range trial.check(r) {
			t.Error(text)
		}
		if t.Failed() {
			t.Logf("%+v", trial)
			r.log(t)
		}
	})
}

// randomBytes returns enough bytes for a trial.
func randomBytes(seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 99))
	data := make([]byte, 40)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}
