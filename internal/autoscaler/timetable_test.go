package autoscaler

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/schedule"
)

// plan returns a plan from cron expressions in UTC, and the bounds of each.
func plan(t *testing.T, entries map[string]notice.Bounds) schedule.Plan {
	t.Helper()
	var out schedule.Plan
	for text, bounds := range entries {
		c, err := schedule.Parse(text, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, schedule.Entry{Cron: c, Min: bounds.Min, Max: bounds.Max})
	}
	return out
}

// TestSchedule: the bounds are those of the entry that ran last, from the start on. A
// larger minimum and a smaller maximum apply at once, a smaller minimum when instances
// are idle.
func TestSchedule(t *testing.T) {
	t.Parallel()
	settings := defaults // the clock of the bubble starts at midnight UTC
	settings.Schedule = plan(t, map[string]notice.Bounds{
		"20 0 * * *": {Min: 1, Max: 3}, "8 0 * * *": {Min: 6, Max: 12}, "12 0 * * *": {Min: 4, Max: 5},
	})
	scaling(t, settings, func(t *testing.T, a *Autoscaler, f *fleet) {
		check := func(what string, n int, bounds notice.Bounds) {
			t.Helper()
			if now := a.scaler.Board.Snapshot(); f.size() != n || now.Target != n || now.Bounds != bounds {
				t.Fatalf("%s: %d instances, target %d, bounds %v; want %d and %v", what, f.size(), now.Target, now.Bounds, n, bounds)
			}
		}
		midnight := time.Now()
		until := func(minute int) { wait(time.Until(midnight.Add(time.Duration(minute) * time.Minute))) }
		check("at the start", 1, notice.Bounds{Min: 1, Max: 3})
		until(7)
		check("before 0:08", 1, notice.Bounds{Min: 1, Max: 3})
		until(8)
		wait(time.Second)
		check("at 0:08", 6, notice.Bounds{Min: 6, Max: 12})
		_, events, _ := a.scaler.Board.Since(0)
		found := false
		for _, e := range events {
			found = found || e.Type == notice.Scaled && strings.HasPrefix(e.Reason, `schedule "8 0 * * *" UTC, bounds are 6 to 12: 1 -> 6`)
		}
		if !found {
			t.Errorf("no event names the entry: %+v", events)
		}
		if _, err := a.ScaleTo(t.Context(), 13, 0, "test"); err == nil {
			t.Error("13 instances are accepted, and the schedule has 12")
		}
		until(12)
		wait(time.Second)
		check("at 0:12", 4, notice.Bounds{Min: 4, Max: 5}) // 5, and they have been idle for long
		release := busy(t, f.registry, 15)
		wait(2 * defaults.Window)
		check("with load", 5, notice.Bounds{Min: 4, Max: 5})
		until(20)
		wait(time.Second)
		check("at 0:20 with load", 3, notice.Bounds{Min: 1, Max: 3})
		release()
		wait(4 * defaults.Idle)
		check("idle after 0:20", 1, notice.Bounds{Min: 1, Max: 3})
	})
}

// TestConfigureSchedule: a reload puts the entry of the moment in force, and takes it
// back when there is no schedule any more.
func TestConfigureSchedule(t *testing.T) {
	t.Parallel()
	scaling(t, defaults, func(t *testing.T, a *Autoscaler, f *fleet) {
		settings := defaults
		settings.Schedule = plan(t, map[string]notice.Bounds{"0 20 * * *": {Min: 4, Max: 4}})
		a.Configure(settings)
		synctest.Wait()
		if f.size() != 4 {
			t.Errorf("%d instances, want those of the entry", f.size())
		}
		a.Configure(defaults)
		synctest.Wait()
		if got := a.scaler.Board.Snapshot().Bounds; got != defaults.Bounds {
			t.Errorf("bounds %v without a schedule, want %v", got, defaults.Bounds)
		}
	})
}
