package main

import (
	"reflect"
	"testing"
	"time"
)

func TestPlanFollowsFromTheSeed(t *testing.T) {
	plan := newPlan(42, time.Hour, true, 1)
	if again := newPlan(42, time.Hour, true, 1); !reflect.DeepEqual(plan, again) {
		t.Error("the same seed gave another plan")
	}
	if other := newPlan(43, time.Hour, true, 1); reflect.DeepEqual(plan, other) {
		t.Error("another seed gave the same plan")
	}
	// A shorter soak is the beginning of a longer one.
	short := newPlan(42, time.Minute, true, 1)
	if !reflect.DeepEqual(short, plan[:len(short)]) {
		t.Error("a shorter plan is not the beginning of the longer one")
	}
}

func TestPlanHasAllKindsInTime(t *testing.T) {
	var counts [kinds]int
	var last time.Duration
	signals := 0
	plan := newPlan(1, time.Hour, true, 1)
	for _, f := range plan {
		if gap := f.at - last; gap < minGap || gap >= maxGap {
			t.Fatalf("%v after the last fault comes %v", gap, f.kind)
		}
		last = f.at
		counts[f.kind]++
		if f.signal {
			signals++
		}
	}
	for k, n := range counts {
		share := float64(n) / float64(len(plan))
		want := float64(weights[k]) / 15
		if share < want*0.8 || share > want*1.2 {
			t.Errorf("%v: a share of %.3f, want about %.3f", kind(k), share, want)
		}
	}
	if reloads := counts[reload] + counts[invalid]; signals != reloads/2 {
		t.Errorf("%d of %d config changes come by signal, want every other", signals, reloads)
	}
}

func TestPlanWithoutReloads(t *testing.T) {
	var rest []fault
	for _, f := range newPlan(42, time.Hour, true, 1) {
		if f.kind != reload && f.kind != invalid {
			rest = append(rest, f)
		}
	}
	if plan := newPlan(42, time.Hour, false, 1); !reflect.DeepEqual(plan, rest) {
		t.Error("it is not the same plan without them")
	}
}

func TestMixFollowsFromTheSeed(t *testing.T) {
	a, b := newMix(5, 1000), newMix(5, 1000)
	ids := map[string]bool{}
	posted := 0
	var last request
	for range 10_000 {
		r := a.request()
		if r != b.request() {
			t.Fatal("the same seed gave another request")
		}
		if ids[r.id] || r.at < last.at {
			t.Fatalf("%+v came after %+v", r, last)
		}
		ids[r.id] = true
		if last = r; r.post {
			posted++
		}
	}
	if posted < 900 || posted > 1100 {
		t.Errorf("%d of 10000 are POSTs, want about 1000", posted)
	}
	if last.at < 9500*time.Millisecond || last.at > 10500*time.Millisecond {
		t.Errorf("10000 requests take %v, want about 10 s", last.at)
	}
}
