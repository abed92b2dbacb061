package schedule

import "time"

// Entry says how many instances there may be from the runs of a schedule on.
type Entry struct {
	Cron     Cron
	Min, Max int
}

// Plan is a list of entries. An entry is in force from each of its runs until the next
// run of any entry. When several run at the same time, the last one of the list counts.
type Plan []Entry

// At returns the index of the entry that is in force at a time: that of the last run. It
// is -1 for an empty plan.
func (p Plan) At(at time.Time) int {
	found, last := -1, time.Time{}
	for i := range p {
		if t := p[i].Cron.Last(at); !t.Before(last) {
			found, last = i, t
		}
	}
	return found
}

// Next returns the first run of any entry after a time, the zero time for an empty plan.
func (p Plan) Next(after time.Time) time.Time {
	var next time.Time
	for i := range p {
		if t := p[i].Cron.Next(after); !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	return next
}

// Max returns the largest number of instances of any entry.
func (p Plan) Max() int {
	n := 0
	for i := range p {
		n = max(n, p[i].Max)
	}
	return n
}
