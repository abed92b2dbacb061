package registry

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestSetUsage: Cores is the average since the previous measurement.
func TestSetUsage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		id := r.Add(Spec{Endpoint: TCP("127.0.0.1", 1)})
		if got := r.Snapshot().Instances[0].Usage; got != (Usage{}) {
			t.Errorf("before it was measured: %+v", got)
		}
		for _, step := range []struct {
			after, cpu time.Duration
			cores      float64
		}{
			{2 * time.Second, time.Second, 0.5},
			{time.Second, 4 * time.Second, 3},
			{time.Second, 4 * time.Second, 0},
		} {
			time.Sleep(step.after)
			if err := r.SetUsage(id, Usage{Memory: 7, CPU: step.cpu}); err != nil {
				t.Fatal(err)
			}
			want := Usage{Memory: 7, CPU: step.cpu, Cores: step.cores, Measured: time.Now()}
			if got := r.Snapshot().Instances[0].Usage; got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
		if err := r.SetUsage("unknown", Usage{}); !errors.Is(err, ErrUnknownInstance) {
			t.Error(err)
		}
	})
}

// TestSetLinesDropped checks that the snapshot has the lines of an instance that were
// not logged.
func TestSetLinesDropped(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	id := r.Add(Spec{Endpoint: TCP("127.0.0.1", 1)})
	if err := r.SetLinesDropped(id, 7); err != nil {
		t.Fatal(err)
	}
	if got := r.Snapshot().Instances[0].LinesDropped; got != 7 {
		t.Errorf("%d lines dropped, want 7", got)
	}
	if err := r.SetLinesDropped("unknown", 1); !errors.Is(err, ErrUnknownInstance) {
		t.Error(err)
	}
}
