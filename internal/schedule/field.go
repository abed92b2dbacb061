package schedule

import (
	"fmt"
	"strconv"
	"strings"
)

// field describes one of the five fields of a cron expression.
type field struct {
	name      string
	low, high int
	names     []string // of low and the numbers after it; nil for none
}

var fields = [...]field{
	{name: "minute", low: 0, high: 59},
	{name: "hour", low: 0, high: 23},
	{name: "day of the month", low: 1, high: 31},
	{name: "month", low: 1, high: 12, names: []string{
		"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
	}},
	{name: "day of the week", low: 0, high: 6, names: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// week is the index of the day of the week in fields. There, 7 is Sunday too, and a
// range may go past the end of the week.
const week = 4

// set is a set of numbers from 0 to 63.
type set uint64

func (s set) has(n int) bool { return s&(1<<n) != 0 }

// parse returns the numbers that a field lists: numbers, names, ranges and steps,
// separated by commas.
func (f *field) parse(text string) (set, error) {
	var all set
	for part := range strings.SplitSeq(text, ",") {
		some, err := f.part(part)
		if err != nil {
			return 0, fmt.Errorf("%s %q: %w", f.name, text, err)
		}
		all |= some
	}
	return all, nil
}

// part returns the numbers of one element of the list.
func (f *field) part(text string) (set, error) {
	span, by, stepped := strings.Cut(text, "/")
	step := 1
	if stepped {
		n, err := number(by)
		if err != nil || n < 1 || n > f.high {
			return 0, fmt.Errorf("the step must be a number from 1 to %d", f.high)
		}
		step = n
	}
	low, high, err := f.span(span, stepped)
	if err != nil {
		return 0, err
	}
	var out set
	for n := low; n <= high; n += step {
		out |= 1 << f.wrapped(n)
	}
	return out, nil
}

// span returns the first and the last number of a range. A single number with a step
// begins a range that reaches to the end.
func (f *field) span(text string, stepped bool) (low, high int, err error) {
	if text == "*" {
		return f.low, f.high, nil
	}
	from, to, ranged := strings.Cut(text, "-")
	if low, err = f.value(from); err != nil {
		return 0, 0, err
	}
	switch {
	case !ranged && stepped:
		return low, max(low, f.high), nil
	case !ranged:
		return low, low, nil
	}
	if high, err = f.value(to); err != nil {
		return 0, 0, err
	}
	if high < low && f == &fields[week] {
		high += 7 // FRI-MON goes on after the end of the week
	}
	if high < low {
		return 0, 0, fmt.Errorf("the range %s ends before it begins", text)
	}
	return low, high, nil
}

// wrapped returns the number itself, or the day of the week that it stands for.
func (f *field) wrapped(n int) int {
	if n > f.high {
		return n - 7
	}
	return n
}

// value returns the number that a name or a number stands for.
func (f *field) value(text string) (int, error) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.low + i, nil
		}
	}
	high := f.high
	if f == &fields[week] {
		high = 7
	}
	n, err := number(text)
	if err != nil || n < f.low || n > high {
		return 0, fmt.Errorf("%q is not a number from %d to %d", text, f.low, high)
	}
	return n, nil
}

// number returns a number of at most two digits.
func number(text string) (int, error) {
	if text == "" || len(text) > 2 || strings.Trim(text, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.Atoi(text)
}
