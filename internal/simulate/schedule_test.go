package simulate

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/schedule"
)

// TestScheduleInVirtualTime: a schedule goes by the time of the simulation.
func TestScheduleInVirtualTime(t *testing.T) {
	t.Parallel()
	cron, err := schedule.Parse("15 22 * * *", time.UTC) // the simulation begins at 22:13:20
	if err != nil {
		t.Fatal(err)
	}
	settings := scaling(2, 8)
	settings.Schedule = schedule.Plan{{Cron: cron, Min: 5, Max: 8}}
	early, err := schedule.Parse("0 12 * * *", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	settings.Schedule = append(settings.Schedule, schedule.Entry{Cron: early, Min: 1, Max: 8})
	r := Run(Scenario{App: oneAtATime, Load: []Phase{{Rate: 1, For: 110 * second}}, Registry: auto, Scaling: settings})
	if before, after := r.target(99*second), r.target(101*second); before != 1 || after != 5 {
		t.Errorf("%d instances before the time and %d after it, want 1 and 5", before, after)
		r.log(t)
	}
}
