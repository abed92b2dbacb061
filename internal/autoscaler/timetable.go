package autoscaler

import (
	"fmt"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/schedule"
)

// timetable is the schedule that is followed.
type timetable struct {
	plan  schedule.Plan
	since time.Time // when next was computed
	next  time.Time // the next run; zero: none
}

// due reports whether another entry may be in force: one has run, or the clock was
// set back.
func (t *timetable) due(now time.Time) bool {
	return len(t.plan) > 0 && (!now.Before(t.next) || now.Before(t.since))
}

// timetabled returns the settings with the bounds of the schedule's entry that is in
// force, and the entry for people, "" for none.
func (s *Scaler) timetabled(settings Settings, now time.Time) (out Settings, entry string) {
	// The clock of the wall counts: the monotonic one stands still while the machine sleeps.
	now = now.Round(0)
	s.timetable = timetable{plan: settings.Schedule, since: now, next: settings.Schedule.Next(now)}
	i := settings.Schedule.At(now)
	if i < 0 {
		return settings, ""
	}
	e := &settings.Schedule[i]
	settings.Bounds = notice.Bounds{Min: e.Min, Max: e.Max}
	return settings, "schedule " + e.Cron.String()
}

// follow puts the bounds of the schedule in force when an entry has run.
func (s *Scaler) follow(now time.Time) {
	if now = now.Round(0); !s.timetable.due(now) {
		return
	}
	before := s.settings.Bounds
	settings, entry := s.timetabled(s.settings, now)
	if s.settings = settings; settings.Bounds == before {
		return
	}
	s.Log.Info("bounds changed", "minInstances", settings.Bounds.Min, "maxInstances", settings.Bounds.Max, "reason", entry)
	s.bound(entry)
}

// bound moves the target into the bounds in force and reports these. The reason names
// what they come from; "" is the config.
func (s *Scaler) bound(origin string) {
	n, reason := withinBounds(s.target, s.settings.Bounds)
	if reason == "" {
		s.Board.SetTarget(s.target, s.settings.Bounds, s.holdUntil, "")
		return
	}
	if s.rule = RuleBounds; origin != "" {
		s.rule = RuleSchedule
		reason = fmt.Sprintf("%s, %s", origin, reason)
	}
	s.set(n, reason)
}
