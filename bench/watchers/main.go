// Command watchers measures what clients that watch an app cost its requests: the processor
// time that dynlb takes for a GET with a few bytes back over 64 connections, alone, with 50
// watchers, and with a thousand events a second besides. It prints a table for
// bench/README.md.
//
// The data path, the notice board and the control plane of this source tree run in a child,
// in which events can be made. The rounds of all rows alternate, and a row has the median of
// the ratios within a round, so that what else the machine does weighs on all.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// goal is what a request may cost with watchers, against one without.
const goal = 1.03

// row is a kind of round.
type row struct {
	name     string
	watchers int
	query    string // of the watch
	events   int    // per second
	base     int    // the row that it is compared with
}

// rows are the kinds of rounds.
func rows(watchers int) []row {
	return []row{
		{name: "alone"},
		{name: fmt.Sprintf("%d watchers, one message a second", watchers), watchers: watchers, query: "?minInterval=1s"},
		{name: fmt.Sprintf("%d watchers, four a second, the default", watchers), watchers: watchers},
		{name: "1,000 events a second", events: 1000},
		{name: fmt.Sprintf("1,000 events a second and %d watchers", watchers), watchers: watchers, events: 1000, base: 3},
	}
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == childArgument {
		exitOn(balance(os.Args[2]))
		return
	}
	rounds := flag.Int("rounds", 9, "`number` of rounds")
	length := flag.Duration("length", 2*time.Second, "`time` of a round")
	watchers := flag.Int("watchers", 50, "`number` of watchers, up to 64")
	flag.Parse()
	exitOn(run(*rounds, *watchers, *length))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "watchers:", err)
		os.Exit(1)
	}
}

// run measures all rows, and prints the table.
func run(rounds, watchers int, length time.Duration) (err error) {
	b, err := start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	all := rows(watchers)
	costs := make([][]float64, len(all)) // of each row, by round
	var events, lost uint64
	for round := range rounds {
		order := make([]int, len(all))
		for i := range order {
			order[i] = (i + round) % len(all)
		}
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, i := range order {
			cost, seen, err := b.round(&all[i], length)
			if err != nil {
				return fmt.Errorf("measure %s: %w", all[i].name, err)
			}
			costs[i] = append(costs[i], cost)
			events, lost = events+seen.events, lost+seen.lost
		}
	}
	printTable(all, costs)
	fmt.Printf("\nThe watchers received %d events, and missed %d. Goal: a ratio of %.2f.\n", events, lost, goal)
	return nil
}

// printTable prints the table.
func printTable(all []row, costs [][]float64) {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintln(out, "|\t| us of processor time per request\t| ratio\t| from\t| to |")
	fmt.Fprintln(out, "|---\t|---\t|---\t|---\t|--- |")
	for i := range all {
		ratios := make([]float64, len(costs[i]))
		for round := range ratios {
			ratios[round] = costs[i][round] / costs[all[i].base][round]
		}
		slices.Sort(ratios)
		middle := slices.Sorted(slices.Values(costs[i]))[len(ratios)/2]
		fmt.Fprintf(out, "| %s\t| %.2f\t| %.3f\t| %.3f\t| %.3f |\n", all[i].name, middle, ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1])
	}
	_ = out.Flush() // to stdout
}
