// Command bench measures what a request costs: CPU time, latency, throughput and
// memory of dynlb with both its engines, of nginx, HAProxy, Caddy and a bare
// httputil.ReverseProxy, side by side over the same origins. README.md explains
// the method.
//
//	go run ./bench [-peers a,b] [-workloads a,b] [-rounds N] [-duration D]
//
// The same program plays the other parts too, each in a process of its own so
// that its CPU time is its own: "bench origin" answers the requests, "bench
// proxy" is the bare ReverseProxy, "bench load" sends requests and measures.
// It exits 0 when every request was answered as expected, 1 when one was not or
// the run broke, 2 on wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// errUsage marks an error that is the caller's: wrong flags. It exits 2.
var errUsage = errors.New("usage")

func main() {
	// The kernel ends our children when the thread that started them dies
	// (PR_SET_PDEATHSIG is per thread), so all are started from this one.
	runtime.LockOSThread()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once

	err := dispatch(ctx, os.Args[1:])
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// dispatch runs the part that the first argument names; none is the benchmark.
func dispatch(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "origin":
			return originMain(ctx, args[1:])
		case "proxy":
			return bareMain(ctx, args[1:])
		case "load":
			return loadMain(ctx, args[1:], os.Stdout)
		}
	}
	return benchMain(ctx, args, os.Stdout)
}

// benchMain is the benchmark itself: measure, print, write, judge.
func benchMain(ctx context.Context, args []string, out io.Writer) error {
	s, err := parseSettings(args)
	if err != nil {
		return err
	}
	found, err := runBench(ctx, s, os.Stderr)
	if err != nil {
		return err
	}
	rep := newReport(s, found)
	if err := rep.writeTables(out); err != nil {
		return err
	}
	if n := rep.failed(); n > 0 {
		return fmt.Errorf("%d requests failed or idle connections were closed; nothing written", n)
	}
	if s.out == "" {
		return nil
	}
	return rep.writeFiles(s.out)
}

func newFlagSet(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(os.Stderr)
	return flags
}

// parseFlags parses args and refuses what is left over.
func parseFlags(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%w: unexpected argument %q", errUsage, flags.Arg(0))
	}
	return nil
}
