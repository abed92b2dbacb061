package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// writeTable prints the rows aligned for a terminal.
func (r report) writeTable(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, cells := range r.cells() {
		fmt.Fprintln(w, strings.Join(cells, "\t")+"\t")
	}
	return w.Flush()
}

// writeFiles writes latest.md and latest.json into folder.
func (r report) writeFiles(folder string) error {
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "latest.json"), append(data, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "latest.md"), []byte(r.markdown()), 0o644)
}

// markdown is the report for a reader: what ran where, and the table.
func (r report) markdown() string {
	var out strings.Builder
	e, s := r.Environment, r.Settings
	fmt.Fprintf(&out, "# Latest measurement\n\nWritten by `go run ./bench`; how to read it is in [README.md](../README.md).\n\n")
	fmt.Fprintf(&out, "- %s, %d cores, Linux %s, %s, %s\n", e.CPU, e.Cores, e.Kernel, e.Go, e.Date)
	fmt.Fprintf(&out, "- %d rounds, %v per peer and round after %v of warm-up\n", s.Rounds, s.Duration, s.Warmup)
	for _, peer := range s.Peers {
		fmt.Fprintf(&out, "- %s: %s\n", peer, r.Versions[peer])
	}
	for i, cells := range r.cells() {
		if i == 0 {
			fmt.Fprintln(&out)
		}
		fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			fmt.Fprintln(&out, "|"+strings.Repeat(" --- |", 2)+strings.Repeat(" ---: |", len(cells)-2))
		}
	}
	return out.String()
}

// cells is the table: a heading, then the rows. Ratios are "median
// (least–greatest)" over the rounds, all other figures medians.
func (r report) cells() [][]string {
	var shown []string // the references that took part
	for _, name := range references {
		for _, peer := range r.Settings.Peers {
			if peer == name {
				shown = append(shown, name)
			}
		}
	}
	heading := []string{"workload", "peer", "CPU µs/request"}
	for _, name := range shown {
		heading = append(heading, "CPU ÷ "+name)
	}
	heading = append(heading, "p99 ms")
	for _, name := range shown {
		heading = append(heading, "p99 ÷ "+name)
	}
	table := [][]string{append(heading, "p50 ms", "requests/s", "failed")}

	for _, row := range r.Rows {
		line := []string{row.Workload, row.Peer, number("%.1f", row.CPU.Median)}
		for _, name := range shown {
			line = append(line, row.Against[name].CPU.String())
		}
		line = append(line, number("%.2f", row.P99.Median/1000))
		for _, name := range shown {
			line = append(line, row.Against[name].P99.String())
		}
		table = append(table, append(line, number("%.2f", row.P50.Median/1000),
			number("%.0f", row.PerSecond.Median), fmt.Sprint(row.Failed)))
	}
	return table
}

// String shows a ratio; a dash when there is none.
func (s spread) String() string {
	if s == (spread{}) {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Min, s.Max)
}

func number(format string, v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf(format, v)
}
