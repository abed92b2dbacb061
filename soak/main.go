// Command soak runs dynlb for minutes under a steady load, injects faults, and
// reports whether a request was lost.
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
//     twice and uses no connection that was idle for long, so only dynlb can save
//     a GET whose instance dies. A GET whose answer has begun cannot be saved;
//     the answers are so short that the kernel has each of them at once.
//   - no POST was carried out twice, as the instances wrote down before they
//     answered; none that was answered 200 is missing there; and none failed,
//     other than by 502, 504 or a broken connection while an instance was being
//     killed or frozen.
//   - no stream broke outside such a time.
//   - dynlb handled every fault: it replaced frozen instances and applied valid
//     configs, unless another one was written before it could, or the new instance
//     with which it tries a config was struck.
//   - after the load it holds no more than before: no requests, no additional
//     goroutines or descriptors, and as many processes as the target.
//   - on SIGTERM it ends with exit code 0, and leaves no process.
//
// A request that is refused by a 503 with Retry-After is lost, too; the report has the number of
// those beside that of all.
//
// With -tls the clients speak HTTPS. With -second there is a second app, of gRPC, to which calls
// go one after the other beside a stream that stays open, and which the faults of the first
// must not touch: none of its calls is lost, and its instance stays.
//
// With -mix it runs over several servers at the same time, each with a dynlb of its
// own: Bun, Node, gunicorn (sync, gthread), uWSGI, php -S, and a stand-in that sends
// stray bytes after responses without content. The requests are GET, HEAD, POST and
// PUT at random, with pauses after which servers close idle connections, and each
// answer must name the id of its request. It passes when no GET or HEAD is lost, no
// content is another request's, no POST or PUT is carried out twice, and none is lost
// unless its instance was killed or frozen: a request that is on record is excused
// only by what happened to the instance that recorded it. A missing program is an
// error that names it.
//
// The report is Markdown, on standard output; progress is on standard error. It
// exits 0 when all of that holds, 1 when something does not hold or the run
// failed, 2 on wrong usage. When it does not pass, it keeps its folder with dynlb's log. It
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

// errFailed reports that dynlb did not pass; the report has the reasons.
var errFailed = errors.New("FAIL")

func main() {
	if len(os.Args) == 3 && os.Args[1] == "stray" { // an instance of a mixed soak
		fmt.Fprintln(os.Stderr, "soak:", serveStray(os.Args[2]))
		os.Exit(1)
	}
	if len(os.Args) == 3 && os.Args[1] == "calls" { // an instance of the second app
		fmt.Fprintln(os.Stderr, "soak:", serveCalls(os.Args[2]))
		os.Exit(1)
	}
	// The kernel ends dynlb when the thread that started it dies. That thread must
	// live as long as this program.
	runtime.LockOSThread()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once

	s, err := parseSettings(os.Args[1:], os.Stderr)
	if s.secure {
		useTLS()
	}
	switch {
	case err != nil:
	case s.mix:
		err = mixSoak(ctx, s, os.Stdout, os.Stderr)
	default:
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

// settings are the flags of a run.
type settings struct {
	duration time.Duration // of the faults
	rate     int           // requests per second
	seed     uint64
	dynlb    string // the binary
	engine   string // for dynlb serve; empty: not given
	reloads  bool
	mix      bool
	secure   bool   // clients speak TLS
	second   bool   // there is a second app
	servers  string // of a mixed soak, separated by commas; "": all
}

func parseSettings(args []string, out io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.DurationVar(&s.duration, "duration", 3*time.Minute, "how long faults happen, 10s to 1h")
	flags.IntVar(&s.rate, "rate", 0, "requests per second, 1 to 10000; 0: 1000, or 40 to each server of a mixed soak")
	flags.Uint64Var(&s.seed, "seed", 0, "what faults and requests follow from; 0: a random one")
	flags.StringVar(&s.dynlb, "dynlb", "bin/dynlb", "the dynlb binary")
	flags.StringVar(&s.engine, "engine", "", "--engine for dynlb serve; empty: not given")
	flags.BoolVar(&s.secure, "tls", false, "clients speak HTTPS")
	flags.BoolVar(&s.second, "second", false, "run a second app, of gRPC, which no fault of the first may touch")
	flags.BoolVar(&s.mix, "mix", false, "run a mixed soak, over several servers")
	flags.StringVar(&s.servers, "servers", "", "names of the servers of a mixed soak, separated by commas; empty: all")
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
	if s.rate == 0 {
		s.rate = 1000
		if s.mix {
			s.rate = 40
		}
	}
	switch {
	case s.mix && s.second:
		return s, fmt.Errorf("%w: -second is not for a mixed soak", errUsage)
	case flags.NArg() > 0:
		return s, fmt.Errorf("%w: unexpected argument %q", errUsage, flags.Arg(0))
	case s.duration < 10*time.Second || s.duration > time.Hour:
		return s, fmt.Errorf("%w: -duration %v: must be 10s to 1h", errUsage, s.duration)
	case s.rate < 1 || s.rate > 10000:
		return s, fmt.Errorf("%w: -rate %d: must be 1 to 10000", errUsage, s.rate)
	}
	return s, nil
}
