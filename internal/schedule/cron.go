// Package schedule decides when something is due at times of the day and the week: cron
// expressions with a time zone, and plans made of them.
//
// The clock of a time zone is set forward and back. A schedule with fixed hours, such as
// "30 2 * * *", runs once a day all the same: at the first moment after the times that a
// clock set forward leaves out, and at the first of two equal times after a clock was set
// back. A day that begins at 01:00 has its midnight run then. A schedule with "*" or "/"
// in the hour goes by the time that passes: "*/15 * * * *" runs every 15 minutes, also in
// an hour that comes twice.
//
// The time zones are part of the program, because an image without an operating system
// has none.
package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // for systems without a database of time zones
)

// Cron is a cron expression with a time zone. Make one with Parse.
type Cron struct {
	text                            string
	zone                            *time.Location
	minutes, hours, days, months    set
	weekdays                        set
	anyDay, anyWeekday, elapsedTime bool
}

// Parse returns the schedule of an expression of five fields as crontab(5) describes
// them: minute, hour, day of the month, month and day of the week. When both days are
// restricted, one of them is enough; a field that starts with "*" restricts nothing in
// this sense. An expression that no date matches is an error.
func Parse(text string, zone *time.Location) (Cron, error) {
	parts := strings.Fields(text)
	if len(parts) != len(fields) {
		return Cron{}, fmt.Errorf("there are %d fields; want 5: minute, hour, day of the month, month, day of the week", len(parts))
	}
	c := Cron{
		text: strings.Join(parts, " "), zone: zone,
		anyDay: strings.HasPrefix(parts[2], "*"), anyWeekday: strings.HasPrefix(parts[week], "*"),
		elapsedTime: strings.ContainsAny(parts[1], "*/"),
	}
	for i, to := range []*set{&c.minutes, &c.hours, &c.days, &c.months, &c.weekdays} {
		var err error
		if *to, err = fields[i].parse(parts[i]); err != nil {
			return Cron{}, err
		}
	}
	if !c.possible() {
		return Cron{}, errors.New("no month has such a day, so it never runs")
	}
	return c, nil
}

// String returns the expression and its time zone.
func (c Cron) String() string { return fmt.Sprintf("%q %s", c.text, c.zone) }

// possible reports whether there is a date that matches.
func (c *Cron) possible() bool {
	if !c.anyDay && !c.anyWeekday {
		return true // the days of the week occur in each month
	}
	for month := time.January; month <= time.December; month++ {
		last := time.Date(2024, month+1, 0, 0, 0, 0, 0, time.UTC).Day() // a leap year
		for day := 1; day <= last; day++ {
			if c.months.has(int(month)) && c.days.has(day) {
				return true
			}
		}
	}
	return false
}

// matches reports whether it runs on a date.
func (c *Cron) matches(date time.Time) bool {
	day, weekday := c.days.has(date.Day()), c.weekdays.has(int(date.Weekday()))
	if !c.anyDay && !c.anyWeekday {
		day = day || weekday
	} else {
		day = day && weekday
	}
	return day && c.months.has(int(date.Month()))
}

// horizon is longer than the longest time between two runs: 29 February is on a given
// day of the week at least every 40 years.
const horizon = 41 * 366 * 24 * time.Hour

// Next returns the first run after a time, in the zone of the schedule.
func (c Cron) Next(after time.Time) time.Time {
	if c.elapsedTime {
		return c.nextElapsed(after.In(c.zone))
	}
	return c.nextFixed(after.In(c.zone))
}

// nextElapsed is Next for a schedule that goes by the time that passes. It jumps over
// what does not match: to the next day, hour or minute of the clock, or to the moment at
// which the clock is set.
func (c *Cron) nextElapsed(after time.Time) time.Time {
	t := after.Truncate(time.Minute).Add(time.Minute)
	for t.Sub(after) < horizon {
		hour, minute := t.Hour(), t.Minute()
		jump := time.Minute
		switch {
		case !c.matches(t):
			jump = 24*time.Hour - time.Duration(hour)*time.Hour - time.Duration(minute)*time.Minute
		case !c.hours.has(hour):
			jump = time.Hour - time.Duration(minute)*time.Minute
		case c.minutes.has(minute):
			return t
		}
		next := t.Add(jump)
		if _, set := t.ZoneBounds(); !set.IsZero() && set.Before(next) {
			next = set
		}
		t = next
	}
	return time.Time{}
}

// nextFixed is Next for a schedule with fixed hours: it looks at the times of the clock
// day by day. The first of two equal times is meant, and the first moment after those
// that are left out, so later times of the clock never come earlier.
func (c *Cron) nextFixed(after time.Time) time.Time {
	// A day before: the date of a run that was left out can be that of yesterday.
	date := time.Date(after.Year(), after.Month(), after.Day()-1, 0, 0, 0, 0, time.UTC)
	for end := date.Add(horizon); date.Before(end); date = date.AddDate(0, 0, 1) {
		if !c.matches(date) || !first(date.AddDate(0, 0, 1), c.zone).After(after) {
			continue
		}
		for hour := range 24 {
			for minute := range 60 {
				if !c.hours.has(hour) || !c.minutes.has(minute) {
					continue
				}
				clock := date.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
				if t := first(clock, c.zone); t.After(after) {
					return t
				}
			}
		}
	}
	return time.Time{}
}

// first returns the first moment at which the clock of a zone shows the date and time of
// clock, which is in UTC, or the first one after it if it never does.
func first(clock time.Time, zone *time.Location) time.Time {
	// The clock is within a day of UTC, so this is in the period of the result or in the
	// one before it.
	t := clock.Add(-25 * time.Hour).In(zone)
	for {
		_, offset := t.Zone()
		_, set := t.ZoneBounds()
		guess := clock.Add(-time.Duration(offset) * time.Second)
		switch {
		case guess.Before(t): // the clock was set past it
			return t
		case set.IsZero() || guess.Before(set):
			return guess.In(zone)
		}
		t = set
	}
}

// Last returns the last run that is not after a time, the zero time if there is none
// in many years.
func (c Cron) Last(at time.Time) time.Time {
	low, high := 0, int(horizon/time.Minute)
	before := func(minutes int) time.Time { return at.Add(-time.Duration(minutes) * time.Minute) }
	runs := func(minutes int) bool {
		next := c.Next(before(minutes))
		return !next.IsZero() && !next.After(at)
	}
	if !runs(high) {
		return time.Time{}
	}
	for high-low > 1 {
		if middle := (low + high) / 2; runs(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return c.Next(before(high))
}
