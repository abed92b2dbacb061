package main

import (
	"fmt"
	"slices"
	"strings"
)

// A table is a heading and lines of cells, under a title.
type table struct {
	title string
	left  int // columns that are text, at the left
	cells [][]string
}

// tables is the report for a reader: first what matters, then all of it.
// Ratios, and in the summaries figures too, are "median (minimum–maximum)" over
// the rounds; all other figures are medians.
func (r report) tables() []table {
	list := []table{r.goalTable(), r.ratioTable()}
	for _, w := range r.Settings.todo() {
		if w.kind == idle {
			list = append(list, r.memoryTable(w))
		} else {
			list = append(list, r.workloadTable(w))
		}
	}
	return slices.DeleteFunc(list, func(t table) bool { return len(t.cells) < 2 })
}

// goalTable lists the goals of dynlb and their results.
func (r report) goalTable() table {
	t := table{title: "Goals of dynlb", left: 2, cells: [][]string{{"workload", "figure", "measured", "at most", "met"}}}
	for _, v := range r.Verdicts {
		w, _ := findWorkload(v.Workload)
		met := "yes"
		if !v.Met {
			met = "no"
		}
		name := string(v.Figure)
		if i := slices.IndexFunc(references, func(ref reference) bool { return ref.name == v.Against }); i >= 0 {
			name += " ÷ " + references[i].title
		}
		t.cells = append(t.cells, []string{w.title, name, v.Value.String(), fmt.Sprintf("%.2f", v.Limit), met})
	}
	return t
}

// ratioTable is CPU time per request of all peers, divided by the first
// reference.
func (r report) ratioTable() table {
	ref := references[0]
	t := table{title: "CPU per request ÷ " + ref.title, left: 1, cells: [][]string{append([]string{"workload"}, r.Settings.Peers...)}}
	for _, w := range r.Settings.todo() {
		line := []string{w.title}
		for _, row := range r.Rows {
			if against, ok := row.Against[ref.name]; ok && row.Workload == w.name {
				line = append(line, against.CPU.String())
			}
		}
		if len(line) > 1 {
			t.cells = append(t.cells, line)
		}
	}
	return t
}

// workloadTable is all peers under one workload that is traffic.
func (r report) workloadTable(w workload) table {
	refs := r.shown()
	heading := []string{"peer", "CPU µs/request"}
	for _, ref := range refs {
		heading = append(heading, "CPU ÷ "+ref.title)
	}
	heading = append(heading, "p50 ms", "p99 ms", "p99.9 ms")
	for _, ref := range refs[:min(1, len(refs))] {
		heading = append(heading, "p99 ÷ "+ref.title)
	}
	if w.kind != closedLoop {
		heading = append(heading, "asked/s")
	}
	t := table{title: w.title, left: 1, cells: [][]string{append(heading, "requests/s", "memory MiB", "failed")}}
	for _, row := range r.Rows {
		if row.Workload != w.name {
			continue
		}
		line := []string{row.Peer, number("%.1f", row.CPU.Median)}
		for _, ref := range refs {
			line = append(line, row.Against[ref.name].CPU.String())
		}
		for _, p := range []spread{row.P50, row.P99, row.P999} {
			line = append(line, number("%.3f", p.Median/1000))
		}
		for _, ref := range refs[:min(1, len(refs))] {
			line = append(line, row.Against[ref.name].P99.String())
		}
		if w.kind != closedLoop {
			line = append(line, number("%.0f", row.Rate.Median))
		}
		t.cells = append(t.cells, append(line, number("%.0f", row.PerSecond.Median),
			number("%.1f", row.Memory.Median), fmt.Sprint(row.Failed)))
	}
	return t
}

// memoryTable is all peers with idle connections.
func (r report) memoryTable(w workload) table {
	heading := []string{"peer", "KiB/connection"}
	refs := r.shown()
	for _, ref := range refs {
		heading = append(heading, "÷ "+ref.title)
	}
	t := table{title: w.title + ": memory of the process", left: 1, cells: [][]string{append(heading, "MiB before", "MiB with them", "closed")}}
	for _, row := range r.MemoryRows {
		if row.Workload != w.name {
			continue
		}
		line := []string{row.Peer, row.Each.String()}
		for _, ref := range refs {
			line = append(line, row.Against[ref.name].String())
		}
		t.cells = append(t.cells, append(line, number("%.1f", row.Before.Median),
			number("%.1f", row.After.Median), fmt.Sprint(row.Closed)))
	}
	return t
}

// shown are the references whose peers all took part.
func (r report) shown() []reference {
	var shown []reference
	for _, ref := range references {
		if !slices.ContainsFunc(ref.peers, func(peer string) bool { return !slices.Contains(r.Settings.Peers, peer) }) {
			shown = append(shown, ref)
		}
	}
	return shown
}

func number(format string, v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf(format, v)
}

// markdown is the table as Markdown has it.
func (t table) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n## %s\n\n", t.title)
	for i, cells := range t.cells {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			fmt.Fprintln(&out, "|"+strings.Repeat(" --- |", t.left)+strings.Repeat(" ---: |", len(cells)-t.left))
		}
	}
	return out.String()
}
