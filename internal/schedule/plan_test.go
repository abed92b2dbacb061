package schedule

import (
	"testing"
	"time"
)

// TestPlan: an entry is in force from its run until that of another one.
func TestPlan(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	plan := Plan{}
	for _, text := range []string{"0 20 * * *", "0 8 * * 1-5", "0 8 1 * *"} {
		c, err := Parse(text, berlin)
		if err != nil {
			t.Fatal(err)
		}
		plan = append(plan, Entry{Cron: c, Max: len(plan) + 1})
	}
	for text, want := range map[string]int{
		"2026-11-27T07:59:59+01:00": 0, "2026-11-27T08:00:00+01:00": 1, "2026-11-27T20:00:00+01:00": 0,
		"2026-11-28T12:00:00+01:00": 0, // a Saturday
		"2026-12-01T08:00:00+01:00": 2, // both run, and the last one counts
	} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.At(at); got != want {
			t.Errorf("at %s, entry %d is in force, want %d", text, got, want)
		}
	}
	if got := plan.Next(time.Date(2026, 11, 28, 12, 0, 0, 0, berlin)); got.Format(time.RFC3339) != "2026-11-28T20:00:00+01:00" {
		t.Errorf("the next run is at %v", got)
	}
	if none := (Plan{}); none.At(time.Now()) != -1 || !none.Next(time.Now()).IsZero() || plan.Max() != 3 {
		t.Error("an empty plan has an entry in force, or a run")
	}
}
