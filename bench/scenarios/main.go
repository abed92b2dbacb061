// Command scenarios measures how a pool of instances follows its load: latency,
// failures and the number of instances of dynlb, beside an earlier build of it and
// beside HAProxy and nginx over a static pool. Instances wait rather than compute, so
// that two processors can show it.
//
//	go run ./bench/scenarios [-run a,b] [-rounds N] [-before PATH] [-seed N]
//
// "scenarios instance" is the app: it answers each request after a time, and works on a
// given number of requests at the same time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

func main() {
	runtime.LockOSThread() // the parent-death signal of children is per thread
	err := dispatch(os.Args[1:])
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "scenarios:", err)
		os.Exit(1)
	}
}

// dispatch runs the part that the first argument names; none is the measurement.
func dispatch(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if len(args) > 0 && args[0] == "instance" {
		return instanceMain(ctx, args[1:])
	}
	return run(ctx, args)
}

// options are the flags.
type options struct {
	run    string
	rounds int
	dynlb  string
	before string
	seed   uint64
	out    string
}

func run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("scenarios", flag.ContinueOnError)
	flags.StringVar(&o.run, "run", "", "names of scenarios, separated by commas; all if empty")
	flags.IntVar(&o.rounds, "rounds", 3, "how often each scenario is run on each system")
	flags.StringVar(&o.dynlb, "dynlb", "", "the binary to measure; built if empty")
	flags.StringVar(&o.before, "before", "", "an earlier binary to measure beside it")
	flags.Uint64Var(&o.seed, "seed", 1, "of the arrivals")
	flags.StringVar(&o.out, "out", "bench/results/scenarios.md", "file of the table; none if empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "dynlb-scenarios-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.dynlb == "" {
		if o.dynlb, err = build(ctx, dir); err != nil {
			return err
		}
	}
	all, err := chosen(o)
	if err != nil {
		return err
	}
	table := newTable()
	for _, s := range all {
		for round := range o.rounds {
			for _, y := range rotated(s.systems(o), round) {
				start := time.Now()
				result, err := measure(ctx, dir, s, y, o.seed+uint64(round))
				if err != nil {
					return fmt.Errorf("%s on %s: %w", s.name, y.name, err)
				}
				table.add(s, y.name, result)
				fmt.Fprintf(os.Stderr, "%s, round %d, %s: %s (%.0f s)\n", s.name, round+1, y.name, result, time.Since(start).Seconds())
			}
		}
	}
	text := table.markdown(o)
	fmt.Print(text)
	if o.out == "" {
		return nil
	}
	return os.WriteFile(o.out, []byte(text), 0o644)
}

// chosen returns the scenarios to run.
func chosen(o options) ([]scenario, error) {
	if o.run == "" {
		return scenarios(), nil
	}
	var out []scenario
	for name := range strings.SplitSeq(o.run, ",") {
		found := false
		for _, s := range scenarios() {
			if s.name == name {
				out, found = append(out, s), true
			}
		}
		if !found {
			return nil, fmt.Errorf("no scenario %q", name)
		}
	}
	return out, nil
}

// rotated returns the systems in another order in each round, so that none of them has
// the best place.
func rotated(all []system, round int) []system {
	n := round % len(all)
	return append(append([]system{}, all[n:]...), all[:n]...)
}
