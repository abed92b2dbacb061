package top

import (
	"fmt"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
)

// bars are the heights of a sparkline.
var bars = []rune("▁▂▃▄▅▆▇█")

// spark returns the last values of a series as a line of bars, one a second, from 0 to the
// highest of them.
func spark(series []float64, width int) string {
	series = lastOf(series, max(0, width))
	if len(series) == 0 {
		return ""
	}
	top := slices.Max(series)
	var b strings.Builder
	for _, v := range series {
		at := 0
		if top > 0 {
			at = min(len(bars)-1, int(v/top*float64(len(bars))))
		}
		b.WriteRune(bars[at])
	}
	return b.String()
}

// gaugeWidth is the width of a gauge in columns.
const gaugeWidth = 10

// gauge returns how much of a limit a value is, as a bar.
func gauge(value, limit float64) string {
	full := 0
	if limit > 0 {
		full = min(gaugeWidth, max(0, int(value/limit*gaugeWidth+0.5)))
	}
	return strings.Repeat("█", full) + strings.Repeat("░", gaugeWidth-full)
}

// sparks returns the lines of sparklines: two on a line if the screen is wide enough, and
// none on a low one.
func (m *Model) sparks(a *app) []string {
	const (
		lowScreen  = 16  // lines
		wideScreen = 100 // columns
		plainWidth = 60  // of a line without a screen
	)
	if m.height > 0 && m.height < lowScreen {
		return nil
	}
	one := func(title, top string, series []float64, width int) string {
		label := fmt.Sprintf("%-10s", title)
		high := " max " + top
		room := width - lipgloss.Width(label) - lipgloss.Width(high)
		if room < 5 {
			return ""
		}
		return label + sparkStyle.Render(spark(series, room)) + faintStyle.Render(high)
	}
	f, width := &a.figures, m.width
	if width <= 0 {
		width = plainWidth
	}
	highest := func(series []float64) float64 { return slices.Max(append([]float64{0}, series...)) }
	requests := func(w int) string { return one("req/s", number(highest(f.requests)), f.requests, w) }
	inFlight := func(w int) string { return one("in flight", number(highest(f.inFlight)), f.inFlight, w) }
	load := func(w int) string { return one("load", fmt.Sprintf("%.2f", highest(f.load)), f.load, w) }
	p95 := func(w int) string { return one("p95", milliseconds(highest(f.p95)), f.p95, w) }
	if width < wideScreen {
		return compact([]string{requests(width), load(width), p95(width)})
	}
	half := width/2 - 1
	pair := func(a, b string) string {
		return a + strings.Repeat(" ", max(2, half+2-lipgloss.Width(a))) + b
	}
	return []string{pair(requests(half), load(half)), pair(inFlight(half), p95(half))}
}

// compact returns the lines that have something.
func compact(lines []string) []string {
	return slices.DeleteFunc(lines, func(line string) bool { return line == "" })
}
