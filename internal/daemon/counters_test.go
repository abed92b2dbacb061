package daemon

import (
	"context"
	"log/slog"
	"maps"
	"testing"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/measure"
	"github.com/dynlb/dynlb/server"
)

// counting returns a daemon that is not run before the end of the test.
func counting(t *testing.T) *Daemon {
	t.Helper()
	const text = "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nadminHTTP: 127.0.0.1:0\nminInstances: 0\nmaxInstances: 1\ncommand: [sleep, '600']\nstateDir: off\n"
	settings, err := config.Parse("config.yaml", []byte(text), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(Options{Config: settings, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // Run ends what New has begun
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := d.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return d
}

// TestCounters: counts go from worker to worker, and what a worker counts after it has frozen
// is added once, whatever worker it is reported to and how often.
func TestCounters(t *testing.T) {
	t.Parallel()
	const requests = "requests/default/app/200"
	before, d, next := measure.Counts{
		requests: 3, "connections/default/opened": 2, "handshakes/full": 1, "lines": 4, "traces": 5,
	}, counting(t), counting(t)
	d.addCounts(before)
	d.addCounts(measure.Counts{"moon": 1, "connections/gone/opened": 9, "connections/default/moon": 9, "requests/gone/app/200": 9})
	if got := d.counted(); !maps.Equal(got, before) {
		t.Errorf("got %v, want %v", got, before)
	}
	const draining = 7
	d.applyCounts(draining, measure.Counts{requests: 2}, false)
	d.applyCounts(draining, measure.Counts{requests: 5, "lines": 1}, false)
	d.applyCounts(draining, measure.Counts{requests: 5, "lines": 1}, false)
	d.applyCounts(draining, nil, false) // a report without counts
	counts, late := d.saveCounts(true)
	if counts[requests] != 8 || counts["lines"] != 5 {
		t.Errorf("with those of a worker that drains: %v", counts)
	}
	d.applyCounts(draining, measure.Counts{requests: 9}, false) // the next worker adds them
	d.metrics.Record(server.Request{App: "default", Code: 200, Claimed: true})
	if more := d.lateCounts(); more[requests] != 1 {
		t.Errorf("since it froze: %v", more)
	}
	next.addCounts(counts)
	next.counters.late = late
	next.applyCounts(draining, measure.Counts{requests: 9, "lines": 1}, false)
	next.applyCounts(8, d.lateCounts(), false)
	next.applyCounts(draining, nil, true)
	if got := next.counted(); got[requests] != 8+4+1 || got["lines"] != 5 || got["connections/default/opened"] != 2 || len(next.counters.late) != 1 {
		t.Errorf("in the next worker: %v, late %v", got, next.counters.late)
	}
}
