package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// maxDuration is longer than anything dynlb waits for, and short enough that
// no sum of durations overflows.
const maxDuration = 365 * 24 * time.Hour

// duration is a time from low to maxDuration: a whole number of milliseconds, or
// a string that time.ParseDuration accepts.
func duration(field *time.Duration, low time.Duration) Value {
	decode := func(r *reader, at place, node *yaml.Node) {
		d, ok := r.duration(at, node)
		if !ok {
			return
		}
		switch {
		case d < low && low == 0:
			r.wrong(at, node, "0 or more")
		case d < low:
			r.wrong(at, node, "at least "+low.String())
		case d > maxDuration:
			r.wrong(at, node, "at most 8760h, a year")
		default:
			*field = d
		}
	}
	return Value{Kind: Duration, Min: low.Milliseconds(), Max: maxDuration.Milliseconds(), decode: decode}
}

// durationOrAuto is duration of 0 or more, or auto.
func durationOrAuto(field *time.Duration) Value {
	value := duration(field, 0)
	decode := value.decode
	value.Auto = true
	value.decode = func(r *reader, at place, node *yaml.Node) {
		if s, ok := text(node); ok && s == "auto" {
			*field = Auto
			return
		}
		decode(r, at, node)
	}
	return value
}

// duration returns the time that node says. A whole number is first brought into
// the range of time.Duration, which no bound is beyond.
func (r *reader) duration(at place, node *yaml.Node) (time.Duration, bool) {
	const limit = int64(maxDuration/time.Millisecond) + 1
	if n, ok := integer(node); ok {
		return time.Duration(min(max(n, -limit), limit)) * time.Millisecond, true
	}
	if s, ok := text(node); ok {
		if d, err := time.ParseDuration(s); err == nil {
			return d, true
		}
	}
	if s, ok := text(node); ok {
		if hours, ok := inHours(s); ok {
			r.wrong(at, node, fmt.Sprintf("a duration in hours, minutes, seconds or ms: write %s as %dh", s, hours))
			return 0, false
		}
	}
	r.wrong(at, node, "milliseconds, such as 5000, or a duration, such as 5s")
	return 0, false
}

// inHours returns how many hours a number of days, weeks or years has, in the words of other
// programs. Package time has no such units, as days do not all have the same length.
func inHours(s string) (hours int, ok bool) {
	for unit, hours := range map[string]int{"d": 24, "w": 7 * 24, "y": 365 * 24} {
		if digits, found := strings.CutSuffix(s, unit); found {
			if n, err := strconv.Atoi(digits); err == nil && n > 0 && n < 1000 {
				return n * hours, true
			}
		}
	}
	return 0, false
}
