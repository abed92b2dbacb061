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

// writeTables prints the tables aligned for a terminal.
func (r report) writeTables(out io.Writer) error {
	for _, t := range r.tables() {
		fmt.Fprintf(out, "\n%s\n", t.title)
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		for _, cells := range t.cells {
			fmt.Fprintln(w, strings.Join(cells, "\t")+"\t")
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// writeFiles writes latest.md, latest.json and the plots into folder.
func (r report) writeFiles(folder string) error {
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	charts := r.charts()
	for _, c := range charts {
		if err := c.write(folder); err != nil {
			return fmt.Errorf("draw %s: %w", c.name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "latest.json"), append(data, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "latest.md"), []byte(r.markdown(charts)), 0o644)
}

// markdown is the report for a reader: what ran where, the tables, the plots.
func (r report) markdown(charts []chart) string {
	var out strings.Builder
	e, s := r.Environment, r.Settings
	fmt.Fprintf(&out, "# Latest measurement\n\nWritten by `make bench`; how to read it is in [README.md](../README.md).\n\n")
	fmt.Fprintf(&out, "- %s, %d cores, Linux %s, %s, %s\n", e.CPU, e.Cores, e.Kernel, e.Go, e.Date)
	fmt.Fprintf(&out, "- %d rounds, %v per workload, peer and round after %v of warm-up; memory: %d rounds\n",
		s.Rounds, s.Duration, s.Warmup, min(s.Rounds, maxMemoryRounds))
	for _, peer := range s.Peers {
		fmt.Fprintf(&out, "- %s: %s\n", peer, r.Versions[peer])
	}
	for _, t := range r.tables() {
		out.WriteString(t.markdown())
	}
	if len(charts) > 0 {
		out.WriteString("\n## Plots\n")
	}
	for _, c := range charts {
		fmt.Fprintf(&out, "\n![%s](%s.svg)\n", c.title, c.name)
	}
	return out.String()
}
