package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// table collects the results of all rounds.
type table struct {
	rows []*row
}

// row is a scenario on a system.
type row struct {
	scenario scenario
	system   string
	results  []result
}

func newTable() *table { return &table{} }

func (t *table) add(s scenario, system string, r result) {
	for _, x := range t.rows {
		if x.scenario.name == s.name && x.system == system {
			x.results = append(x.results, r)
			return
		}
	}
	t.rows = append(t.rows, &row{s, system, []result{r}})
}

// median returns the median of a figure over the rounds.
func median[T cmp.Ordered](results []result, of func(result) T) T {
	var all []T
	for _, r := range results {
		all = append(all, of(r))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// markdown returns the table, with medians.
func (t *table) markdown(o options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# How the pool follows the load\n\nMedians of %d rounds; seeds from %d on. See `go run ./bench/scenarios -h`.\n", o.rounds, o.seed)
	name := ""
	for _, x := range t.rows {
		if x.scenario.name != name {
			name = x.scenario.name
			fmt.Fprintf(&b, "\n## %s\n%s\n\n| | mean ms | p50 | p95 | p99 | last | failed | good/s | instances max | at the end | changes | slow one %% |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n", name, x.scenario.about)
		}
		duration := func(of func(result) time.Duration) string {
			return fmt.Sprintf("%.1f", median(x.results, of).Seconds()*1000)
		}
		count := func(of func(result) int) string { return fmt.Sprint(median(x.results, of)) }
		cells := []string{
			x.system,
			duration(func(r result) time.Duration { return r.mean }),
			duration(func(r result) time.Duration { return r.p50 }),
			duration(func(r result) time.Duration { return r.p95 }),
			duration(func(r result) time.Duration { return r.p99 }),
			duration(func(r result) time.Duration { return r.last }),
			count(func(r result) int { return r.failed }),
			fmt.Sprintf("%.1f", median(x.results, func(r result) float64 { return r.goodput })),
			count(func(r result) int { return r.largest }),
			count(func(r result) int { return r.final }),
			count(func(r result) int { return r.changes }),
			fmt.Sprintf("%.1f", 100*median(x.results, func(r result) float64 { return r.slowShare })),
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.String()
}
