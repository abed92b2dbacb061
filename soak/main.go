// Command soak runs dynlb for minutes under a steady load while faults happen to
// it, and tells whether a request was lost.
//
//	make soak [SOAKFLAGS='-duration 3m -rate 1000 -seed 1']
//
// It starts the dynlb binary with a config, ports and a Bun app of its own, and
// sends requests when they are due, whether or not those before them have been
// answered; latency counts from when they were due. After a warm-up and 15 quiet
// seconds, every one to three seconds comes one of: another number of instances,
// a rolling restart, a changed config (by SIGHUP and by the file alone), a config
// that is not valid, SIGKILL to an instance, SIGSTOP to one. All the while some
// clients misbehave, and event streams and WebSockets are held open. The faults
// and requests follow from the seed; when they meet, the machine decides.
//
// It passes when
//   - every GET was answered 200 with its own body. The client sends nothing
//     twice and uses no connection that was idle for long, so that it is dynlb
//     that saves a GET whose instance dies. One whose answer had begun cannot be
//     saved; answers here are so short that the kernel has all of one at once.
//   - no POST was carried out twice, as the instances wrote down before they
//     answered; none that was answered 200 is missing there; and none failed,
//     other than by 502, 504 or a broken connection while an instance was being
//     killed or frozen.
//   - no stream broke, but in such a time.
//   - dynlb bore every fault: it took valid configs, and replaced what froze.
//   - with the load gone it holds as little as before: no requests, goroutines or
//     descriptors, and as many processes as instances wanted.
//   - on SIGTERM it ends with exit code 0, and leaves no process.
//
// The report is Markdown, on standard output; progress is on standard error. It
// exits 0 when all of that holds, 1 when something does not or the run broke, 2
// on wrong usage. When it does not pass, it keeps its folder with dynlb's log. It
// needs Linux.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// errUsage marks an error that is the caller's: wrong flags. It exits 2.
var errUsage = errors.New("usage")

// errFailed says that dynlb did not pass; the report says why.
var errFailed = errors.New("FAIL")

func main() {
	// The kernel ends dynlb when the thread that started it dies, which must not
	// be before this program does.
	runtime.LockOSThread()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once

	s, err := parseSettings(os.Args[1:], os.Stderr)
	if err == nil {
		err = soak(ctx, s, os.Stdout, os.Stderr)
	}
	code := 0
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		code = 2
	default:
		code = 1
	}
	if code != 0 {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	os.Exit(code)
}

// settings are what a run was asked to do.
type settings struct {
	duration time.Duration // of the faults
	rate     int           // requests per second
	seed     uint64
	dynlb    string // the binary
	engine   string // for dynlb serve; empty: not given
	reloads  bool
}

func parseSettings(args []string, out io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.DurationVar(&s.duration, "duration", 3*time.Minute, "how long faults happen, 10s to 1h")
	flags.IntVar(&s.rate, "rate", 1000, "requests per second, 1 to 10000")
	flags.Uint64Var(&s.seed, "seed", 0, "what faults and requests follow from; 0: a random one")
	flags.StringVar(&s.dynlb, "dynlb", "bin/dynlb", "the dynlb binary")
	flags.StringVar(&s.engine, "engine", "", "--engine for dynlb serve; empty: not given")
	flags.BoolVar(&s.reloads, "reload", true, "change the config too")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return s, err
		}
		return s, fmt.Errorf("%w: %w", errUsage, err)
	}
	for s.seed == 0 {
		s.seed = rand.Uint64N(1 << 32) // short enough to type
	}
	switch {
	case flags.NArg() > 0:
		return s, fmt.Errorf("%w: unexpected argument %q", errUsage, flags.Arg(0))
	case s.duration < 10*time.Second || s.duration > time.Hour:
		return s, fmt.Errorf("%w: -duration %v: must be 10s to 1h", errUsage, s.duration)
	case s.rate < 1 || s.rate > 10000:
		return s, fmt.Errorf("%w: -rate %d: must be 1 to 10000", errUsage, s.rate)
	}
	return s, nil
}
