package main

import "fmt"

// A chart is panels under one title, each with a bar per peer.
type chart struct {
	name    string // of its files, without extension
	title   string
	note    string // how to read it, in a line
	columns int
	panels  []panel
}

// A panel is one group of bars on an axis of its own, which begins at 0.
type panel struct {
	title  string
	format string // of the values beside the bars
	bars   []bar
}

// A bar is as long as the median; its whisker goes from the smallest to
// the largest round.
type bar struct {
	peer string
	spread
}

// charts are those that the run has figures for.
func (r report) charts() []chart {
	var charts []chart
	for _, c := range []chart{r.cpuChart(), r.throughputChart(), r.latencyChart(), r.memoryChart()} {
		if len(c.panels) > 0 {
			charts = append(charts, c)
		}
	}
	return charts
}

const noteSpread = "Bars: median over the rounds. Whiskers: least and greatest round."

func (r report) cpuChart() chart {
	c := chart{name: "cpu", title: "CPU per request, µs", columns: 3, note: noteSpread + " Shorter is better."}
	c.panels = r.closedPanels("%.1f", func(row row) spread { return row.CPU })
	return c
}

func (r report) throughputChart() chart {
	c := chart{
		name: "throughput", title: "Requests per second, client and origins on the same cores", columns: 3,
		note: noteSpread + " Longer is better.",
	}
	c.panels = r.closedPanels("%.0f", func(row row) spread { return row.PerSecond })
	return c
}

// closedPanels has a panel per closed loop.
func (r report) closedPanels(format string, value func(row) spread) []panel {
	var panels []panel
	for _, w := range r.Settings.todo() {
		if w.kind == closedLoop {
			panels = r.addPanel(panels, panel{title: w.title, format: format}, w.name, value)
		}
	}
	return panels
}

func (r report) latencyChart() chart {
	c := chart{
		name: "latency", title: "Latency of a 64 B GET at half load, ms", columns: 3,
		note: noteSpread + " Shorter is better. Counted from when each request was due.",
	}
	for _, w := range []struct{ name, load string }{
		{"half", "half of each peer's own maximum"},
		{"common", "half of the slowest peer's maximum"},
	} {
		for _, p := range []struct {
			name  string
			value func(row) spread
		}{
			{"p50", func(row row) spread { return row.P50 }},
			{"p99", func(row row) spread { return row.P99 }},
			{"p99.9", func(row row) spread { return row.P999 }},
		} {
			c.panels = r.addPanel(c.panels, panel{title: fmt.Sprintf("%s at %s", p.name, w.load), format: "%.2f"}, w.name,
				func(row row) spread { return p.value(row).scaled(1.0 / 1000) })
		}
	}
	return c
}

func (r report) memoryChart() chart {
	c := chart{
		name: "memory", title: "Process memory per idle connection, KiB", columns: 2,
		note: noteSpread + " Shorter is better. The kernel's share is not in it.",
	}
	for _, w := range r.Settings.todo() {
		if w.kind != idle {
			continue
		}
		p := panel{title: w.title, format: "%.2f"}
		for _, row := range r.MemoryRows {
			if row.Workload == w.name {
				p.bars = append(p.bars, bar{row.Peer, row.Each})
			}
		}
		c.panels = append(c.panels, p)
	}
	return c
}

// addPanel gives p the values of all peers under a workload, and adds it if
// there are any.
func (r report) addPanel(panels []panel, p panel, workload string, value func(row) spread) []panel {
	for _, row := range r.Rows {
		if v := value(row); row.Workload == workload && v != (spread{}) {
			p.bars = append(p.bars, bar{row.Peer, v})
		}
	}
	if len(p.bars) == 0 {
		return panels
	}
	return append(panels, p)
}

// scaled is the spread in another unit.
func (s spread) scaled(by float64) spread {
	return spread{Median: s.Median * by, Min: s.Min * by, Max: s.Max * by}
}
