// Command bench measures what a request costs: CPU time per request and
// latency of dynlb, of a bare httputil.ReverseProxy, and of nginx and HAProxy,
// side by side over the same four origins. README.md explains the method.
//
//	go run ./bench [-rounds N] [-duration D] [-connections N] [-peers a,b]
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
	"slices"
	"strings"
	"syscall"
	"time"
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

// settings are what a run was asked to do.
type settings struct {
	Rounds      int           `json:"rounds"`
	Duration    time.Duration `json:"durationNs"` // one window: one peer, one round
	Warmup      time.Duration `json:"warmupNs"`   // before each window, on the same connections
	Connections int           `json:"connections"`
	Peers       []string      `json:"peers"`

	dynlb string // a ready-made dynlb binary; empty: built from this module
	out   string // folder for latest.md and latest.json; empty: none
}

func parseSettings(args []string) (settings, error) {
	s := settings{}
	var peers string
	flags := newFlagSet("bench")
	flags.IntVar(&s.Rounds, "rounds", 5, "interleaved rounds, 1 to 100")
	flags.DurationVar(&s.Duration, "duration", 3*time.Second, "measured time per peer and round, 100ms to 1m")
	flags.DurationVar(&s.Warmup, "warmup", 500*time.Millisecond, "unmeasured time before each window, up to 10s")
	flags.IntVar(&s.Connections, "connections", 64, "keep-alive client connections, 1 to 4096")
	flags.StringVar(&peers, "peers", "dynlb,bare,nginx,haproxy", "which to measure, of "+strings.Join(peerNames(), ","))
	flags.StringVar(&s.dynlb, "dynlb", "", "dynlb binary to measure (default: built from ./cmd/dynlb)")
	flags.StringVar(&s.out, "out", "bench/results", "folder for latest.md and latest.json; empty writes none")
	if err := parseFlags(flags, args); err != nil {
		return s, err
	}
	s.Peers = strings.Split(peers, ",")

	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(s.Rounds >= 1 && s.Rounds <= 100, "-rounds %d: must be 1 to 100", s.Rounds)
	check(s.Duration >= 100*time.Millisecond && s.Duration <= time.Minute, "-duration %v: must be 100ms to 1m", s.Duration)
	check(s.Warmup >= 0 && s.Warmup <= 10*time.Second, "-warmup %v: must be 0 to 10s", s.Warmup)
	check(s.Connections >= 1 && s.Connections <= 4096, "-connections %d: must be 1 to 4096", s.Connections)
	for i, name := range s.Peers {
		check(slices.Contains(peerNames(), name), "-peers %q: must be of %s", name, strings.Join(peerNames(), ","))
		check(!slices.Contains(s.Peers[:i], name), "-peers %s: named twice", name)
	}
	if len(problems) > 0 {
		return s, fmt.Errorf("%w: %w", errUsage, errors.Join(problems...))
	}
	return s, nil
}

// benchMain is the benchmark itself: measure, print, write, judge.
func benchMain(ctx context.Context, args []string, out io.Writer) error {
	s, err := parseSettings(args)
	if err != nil {
		return err
	}
	found, err := runRounds(ctx, s, os.Stderr)
	if err != nil {
		return err
	}
	rep := newReport(s, found)
	if err := rep.writeTable(out); err != nil {
		return err
	}
	if n := rep.failed(); n > 0 {
		return fmt.Errorf("%d requests failed; nothing written", n)
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
