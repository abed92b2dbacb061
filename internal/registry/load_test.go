package registry

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestLatencyAverage(t *testing.T) {
	t.Parallel()
	var l latency
	l.observe(time.Second, 200*time.Millisecond, true)
	if l.average != 200*time.Millisecond {
		t.Errorf("the average is %v, want the first sample", l.average)
	}
	// A burst has the weight of one moment.
	for range 1000 {
		l.observe(time.Second, 5*time.Second, true)
	}
	if l.average != 200*time.Millisecond {
		t.Errorf("samples at the same moment moved the average to %v", l.average)
	}
	// After one time constant a new sample weighs 1 - 1/e.
	l.observe(time.Second+latencyDecay, 1200*time.Millisecond, true)
	want := 200 + 1000*(1-1/math.E)
	if got := float64(l.average) / float64(time.Millisecond); math.Abs(got-want) > 0.01 {
		t.Errorf("after 10 s: %v ms, want %v", got, want)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		average  time.Duration
		since    time.Duration
		inFlight int32
		want     float64
	}{
		{"nothing", 0, 0, 0, 0},
		{"in flight counts one each", 0, 0, 3, 3},
		{"100 ms adds nothing", 100 * time.Millisecond, 0, 1, 1},
		{"a second above it adds one", 1100 * time.Millisecond, 0, 2, 3},
		{"it fades", 1100 * time.Millisecond, latencyDecay, 0, 1.1/math.E - 0.1},
		{"to nothing", 1100 * time.Millisecond, 3 * latencyDecay, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := latency{average: c.average, sampled: true}
			if got := l.load(c.since, c.inFlight); math.Abs(got-c.want) > 1e-9 {
				t.Errorf("load %v, want %v", got, c.want)
			}
		})
	}
}

func TestIdleSinceAndLastSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		time.Sleep(time.Second)
		id := add(t, r, Starting)
		time.Sleep(time.Second)
		move(t, r, id, Ready)
		if got := snapshotOf(t, r, id); !got.IdleSince.Equal(time.Now()) || !got.ReadyAt.Equal(time.Now()) {
			t.Errorf("idle since %v, ready at %v, want now", got.IdleSince, got.ReadyAt)
		}
		lease := acquire(t, r)
		time.Sleep(time.Second)
		lease.Responded(time.Second, 500)
		if got := snapshotOf(t, r, id); !got.IdleSince.IsZero() || !got.LastSuccess.IsZero() || got.ResponseTime != time.Second {
			t.Errorf("busy and failing: %+v", got)
		}
		lease.Responded(time.Second, 200)
		lease.Release()
		freed := time.Now()
		time.Sleep(time.Second)
		if got := snapshotOf(t, r, id); !got.IdleSince.Equal(freed) || !got.LastSuccess.Equal(freed) {
			t.Errorf("idle since %v, last success %v, want %v", got.IdleSince, got.LastSuccess, freed)
		}
		move(t, r, id, Unhealthy)
		move(t, r, id, Ready)
		if got := snapshotOf(t, r, id); !got.IdleSince.Equal(freed) {
			t.Errorf("ready again: idle since %v, want %v, as it was idle meanwhile", got.IdleSince, freed)
		}
		move(t, r, id, Draining)
		move(t, r, id, Ready)
		if got := snapshotOf(t, r, id); !got.IdleSince.Equal(time.Now()) {
			t.Errorf("taken back: idle since %v, want now", got.IdleSince)
		}
	})
}
