package schedule

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestNext: the runs around the days on which clocks are set.
func TestNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, zone, cron, after string
		want                    []string // with offset
	}{
		{"skipped hour", "Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"}},
		{"skipped times are one run", "Europe/Berlin", "*/15 2 * * *", "2026-03-29T00:00:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"}},
		{"skipped and next hour", "Europe/Berlin", "0 2,3 * * *", "2026-03-29T00:00:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"}},
		{"repeated hour", "Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00+02:00", []string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		{"from within the second hour", "Europe/Berlin", "30 2 * * *", "2026-10-25T02:10:00+01:00", []string{"2026-10-26T02:30:00+01:00"}},
		{"quarters, set forward", "Europe/Berlin", "*/15 * * * *", "2026-03-29T01:40:00+01:00", []string{"2026-03-29T01:45:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:15:00+02:00"}},
		{"quarters, set back", "Europe/Berlin", "*/15 * * * *", "2026-10-25T02:44:00+02:00", []string{"2026-10-25T02:45:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:15:00+01:00"}},
		{"every hour, set back", "Europe/Berlin", "0 * * * *", "2026-10-25T01:30:00+02:00", []string{"2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"}},
		{"no midnight", "America/Santiago", "0 0 * * *", "2026-09-05T12:00:00-04:00", []string{"2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"}},
		{"no midnight on a Sunday", "America/Santiago", "0 0 * * 0", "2026-09-05T12:00:00-04:00", []string{"2026-09-06T01:00:00-03:00", "2026-09-13T00:00:00-03:00"}},
		{"every hour without midnight", "America/Santiago", "0 * * * *", "2026-09-05T22:30:00-04:00", []string{"2026-09-05T23:00:00-04:00", "2026-09-06T01:00:00-03:00"}},
		{"last hour twice", "America/Santiago", "30 23 * * *", "2026-04-04T12:00:00-03:00", []string{"2026-04-04T23:30:00-03:00", "2026-04-05T23:30:00-04:00"}},
		{"no midnight", "Africa/Cairo", "0 0 * * *", "2026-04-23T12:00:00+02:00", []string{"2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"}},
		{"one midnight", "Africa/Cairo", "0 0 * * *", "2026-10-29T12:00:00+03:00", []string{"2026-10-30T00:00:00+02:00", "2026-10-31T00:00:00+02:00"}},
		{"half an hour forward", "Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00:00+10:30", []string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"}},
		{"not skipped", "Australia/Lord_Howe", "45 2 * * *", "2026-10-03T12:00:00+10:30", []string{"2026-10-04T02:45:00+11:00"}},
		{"half an hour back", "Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00:00+11:00", []string{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}},
		{"tens, half an hour back", "Australia/Lord_Howe", "*/10 * * * *", "2026-04-05T01:45:00+11:00", []string{"2026-04-05T01:50:00+11:00", "2026-04-05T01:30:00+10:30", "2026-04-05T01:40:00+10:30"}},
		{"set forward after midnight", "America/St_Johns", "*/20 1 * * *", "2010-03-13T12:00:00-03:30", []string{"2010-03-14T01:01:00-02:30", "2010-03-14T01:20:00-02:30"}},
		{"the same by elapsed time", "America/St_Johns", "5 1-23/1 * * *", "2010-03-13T23:30:00-03:30", []string{"2010-03-14T01:05:00-02:30", "2010-03-14T02:05:00-02:30"}},
		{"a day that was left out", "Pacific/Apia", "0 12 30 * *", "2011-12-29T00:00:00-10:00", []string{"2011-12-31T00:00:00+14:00", "2012-01-30T12:00:00+14:00"}},
		{"leap day", "UTC", "0 0 29 2 *", "2026-01-01T00:00:00Z", []string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
		{"century", "UTC", "0 */6 29 2 *", "2096-03-01T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
		{"either day", "UTC", "0 0 13 * 5", "2026-11-01T00:00:00Z", []string{"2026-11-06T00:00:00Z", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"}},
		{"both days", "UTC", "0 0 */2 * mon", "2026-11-01T00:00:00Z", []string{"2026-11-09T00:00:00Z", "2026-11-23T00:00:00Z"}},
		{"wrapped week", "UTC", "0 0 * * FRI-MON", "2026-11-25T00:00:00Z", []string{"2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z", "2026-12-04T00:00:00Z"}},
		{"7 is Sunday", "UTC", "0 0 * * 6-7", "2026-11-27T00:00:00Z", []string{"2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z", "2026-12-05T00:00:00Z"}},
		{"month names", "UTC", "5 4 1 jan,Jul *", "2026-06-01T00:00:00Z", []string{"2026-07-01T04:05:00Z", "2027-01-01T04:05:00Z"}},
		{"not at the time itself", "UTC", "0 8 * * *", "2026-06-01T08:00:00Z", []string{"2026-06-02T08:00:00Z"}},
		{"a number with a step", "UTC", "50/4 8 * * *", "2026-06-01T08:00:00Z", []string{"2026-06-01T08:50:00Z", "2026-06-01T08:54:00Z", "2026-06-01T08:58:00Z", "2026-06-02T08:50:00Z"}},
	} {
		t.Run(c.zone+" "+c.name, func(t *testing.T) {
			t.Parallel()
			cron, err := Parse(c.cron, zone(t, c.zone))
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, c.after)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range c.want {
				next := cron.Next(at)
				if got := next.Format(time.RFC3339); got != want {
					t.Fatalf("run %d is at %s, want %s", i, got, want)
				}
				if last := cron.Last(next); !last.Equal(next) {
					t.Errorf("the last run at %s is %v", want, last)
				}
				at = next
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                 "0 fields",
		"* * * *":          "4 fields",
		"* * * * * *":      "6 fields",
		"@daily":           "1 fields",
		"60 * * * *":       `minute "60"`,
		"* 24 * * *":       `hour "24"`,
		"* * 0 * *":        "day of the month",
		"* * * 13 *":       "month",
		"* * * * 8":        "from 0 to 7",
		"* * * * fry":      "day of the week",
		"5-3 * * * *":      "ends before it begins",
		"*/0 * * * *":      "step",
		"*/ * * * *":       "step",
		"*/90 * * * *":     "step",
		"1,,2 * * * *":     "minute",
		"-1 * * * *":       "minute",
		"0x5 * * * *":      "minute",
		"** * * * *":       "minute",
		"0 0 30 2 *":       "never runs",
		"0 0 31 4,6,9 *":   "never runs",
		"0 0 30-31 2 */2":  "never runs",
		"0 0 ? * *":        "day of the month",
		"0 0 L * *":        "day of the month",
		"0 0 * nov-feb *":  "ends before it begins",
		"0 0 * * mon-":     "day of the week",
		"000 * * * *":      "minute",
		"0 0 * * mon#2":    "day of the week",
		"0 22-6 * * *":     "ends before it begins",
		"\u0660 0 * * *":   "minute",
		"0 0 * * 1-5-6":    "day of the week",
		"0 0 1/2/3 * *":    "step",
		"1e1 0 * * *":      "minute",
		"0 0 31 2 * extra": "6 fields",
	} {
		if _, err := Parse(text, time.UTC); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want an error with %q", text, err, want)
		}
	}
}

// missed returns a minute between two times at which the clock shows what the expression
// asks for. For a fixed hour, days on which the clock is set do not count. It looks at two
// days at most.
func (c *Cron) missed(after, before time.Time) time.Time {
	const settled = 26 * time.Hour
	for m := after.Truncate(time.Minute).Add(time.Minute); m.Before(before) && m.Sub(after) < 48*time.Hour; m = m.Add(time.Minute) {
		t := m.In(c.zone)
		begin, end := t.ZoneBounds()
		near := !begin.IsZero() && t.Sub(begin) < settled || !end.IsZero() && end.Sub(t) < settled
		if (c.elapsedTime || !near) && c.matches(t) && c.hours.has(t.Hour()) && c.minutes.has(t.Minute()) {
			return t
		}
	}
	return time.Time{}
}

// FuzzNext: what is accepted runs, in order, at a minute that matches, and on a fixed
// hour once a day at most for each of its times.
func FuzzNext(f *testing.F) {
	zones := []string{"UTC", "Europe/Berlin", "America/Santiago", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns"}
	for i, text := range []string{"*/15 * * * *", "30 2 * * *", "0 0 29 2 1", "0 0 * * FRI-MON", "0 0 30 2 *", "5/7 1-5 */3 jan 7"} {
		f.Add(text, int64(1700000000), uint8(i))
	}
	f.Fuzz(func(t *testing.T, text string, seconds int64, z uint8) {
		c, err := Parse(text, zone(t, zones[int(z)%len(zones)]))
		if err != nil {
			return
		}
		at := time.Unix(seconds%(1<<32), 0)
		var runs []time.Time
		for range 5 {
			next := c.Next(at)
			if next.IsZero() || !next.After(at) {
				t.Fatalf("%v: after %v comes %v", c, at, next)
			}
			between := at.Add(next.Sub(at) / 2)
			if got := c.Next(between); !got.Equal(next) {
				t.Fatalf("%v: after %v comes %v, and after %v %v", c, at, next, between, got)
			}
			if c.elapsedTime && (!c.matches(next) || !c.minutes.has(next.Minute()) || !c.hours.has(next.Hour())) {
				t.Fatalf("%v runs at %v", c, next)
			}
			if missed := c.missed(at, next); !missed.IsZero() {
				t.Fatalf("%v: after %v comes %v, and not %v", c, at, next, missed)
			}
			runs = append(runs, next)
			at = next
		}
		if last := c.Last(at); !last.Equal(at) {
			t.Fatalf("%v: the last run at %v is at %v", c, at, last)
		}
		if !slices.IsSortedFunc(runs, time.Time.Compare) {
			t.Fatalf("%v: %v", c, runs)
		}
	})
}
