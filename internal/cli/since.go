package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// sinceHelp describes the flag --since.
const sinceHelp = "how long ago, or when: 2h, 7d, 15:04, 2026-01-02, 2026-01-02T15:04:05Z"

// parseSince returns the time that --since means; nil if it is empty.
func parseSince(text string, now time.Time) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return timestamppb.New(now.Add(-d)), nil
	}
	if n, ok := daysOf(text); ok {
		return timestamppb.New(now.AddDate(0, 0, -n)), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return timestamppb.New(t), nil
	}
	for _, format := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.ParseInLocation(format, text, now.Location()); err == nil {
			return timestamppb.New(t), nil
		}
	}
	for _, format := range []string{"15:04:05", "15:04"} { // of today, or of yesterday if that is to come
		t, err := time.ParseInLocation(format, text, now.Location())
		if err != nil {
			continue
		}
		at := time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location())
		if at.After(now) {
			at = at.AddDate(0, 0, -1)
		}
		return timestamppb.New(at), nil
	}
	return nil, usageError{fmt.Errorf("--since %q: write %s", text, sinceHelp)}
}

// daysOf returns a number of days, such as 7d.
func daysOf(text string) (n int, ok bool) {
	digits, found := strings.CutSuffix(text, "d")
	n, err := strconv.Atoi(digits)
	return n, found && err == nil && n >= 0 && n < 1000
}

// stamp returns a time for a line of output: of the day if it is of today.
func stamp(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}
