package config

import (
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
	r.wrong(at, node, "milliseconds, such as 5000, or a duration, such as 5s")
	return 0, false
}
