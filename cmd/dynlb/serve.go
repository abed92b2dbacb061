package main

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/proxy"
)

func newServe(o *options) *cobra.Command {
	var level slog.Level
	var engine proxy.Engine
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the load balancer",
		Long: `Run the instances and balance HTTP over them, until SIGINT or SIGTERM, or until
the terminal is closed: then the requests in flight finish, and the instances
stop. A second signal ends it at once. SIGHUP and a change of the config file put
it in force, without losing a request; when it is invalid nothing changes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := watchable(cmp.Or(o.config, config.DefaultPath)); err != nil {
				return usageError{err}
			}
			settings, err := config.Load(o.config, os.Getenv)
			if err != nil {
				return err
			}
			// Whoever reads the log may end first, as tee does on Ctrl-C. A signal
			// that is asked for does not end the process; main still has something
			// to say, so it is asked for to the end.
			signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
			logs := newLogs(cmd.ErrOrStderr(), level)
			defer logs.close()
			log := logs.own
			slog.SetDefault(log) // for what the standard library logs on its own
			if settings.Path == "" {
				log.Info("no " + config.DefaultPath + " here, the defaults apply")
			}
			p, err := newPlan(settings)
			if err != nil {
				return usageError{err}
			}
			collectSooner(engine)
			logPlan(log, &p)
			graceful, now, stop := signals(cmd.Context(), log)
			defer stop()
			file := settings.Path
			reloads, stopWatch := watchConfig(cmp.Or(file, config.DefaultPath), log)
			defer stopWatch()
			closeGuard, err := guard(log)
			if err != nil {
				return err
			}
			defer closeGuard()
			d, err := newDaemon(p, engine, logs)
			if err != nil {
				return err
			}
			return d.run(graceful, now, reloads, func() (config.Config, error) {
				settings, err := config.Load(file, os.Getenv)
				if err == nil {
					file = settings.Path // from now on a missing one is an error
				}
				return settings, err
			})
		},
	}
	cmd.Flags().TextVar(&level, "log-level", slog.LevelInfo, "least level to log: "+strings.Join(logLevels, ", "))
	_ = cmd.RegisterFlagCompletionFunc("log-level", // the flag exists
		cobra.FixedCompletions(logLevels, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().TextVar(&engine, "engine", proxy.EngineAuto,
		"what carries plain HTTP/1.1: fast (event loops, Linux only), std (net/http), or auto for the best there is")
	_ = cmd.RegisterFlagCompletionFunc("engine", // the flag exists
		cobra.FixedCompletions([]string{"auto", "fast", "std"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// gcPercent is how much garbage there may be, in percent of what is in use. Go's
// default of 100 doubles what idle connections cost; the event loops make next to no
// garbage, so that collecting it twice as often costs nothing to speak of.
const gcPercent = 50

// collectSooner has garbage collected at gcPercent, unless net/http carries the
// requests, which makes plenty of it, or GOGC says otherwise.
func collectSooner(engine proxy.Engine) {
	if engine != proxy.EngineStd && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// signals returns a context that ends with the first SIGINT or SIGTERM, or when
// the terminal is closed, and one that ends with the second. Call stop when done.
func signals(parent context.Context, log *slog.Logger) (first, second context.Context, stop func()) {
	second, end := context.WithCancel(parent)
	first, begin := context.WithCancel(second)
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	var parts sync.WaitGroup // they end with stop, which waits
	hangup := func() bool { return false }
	if !signal.Ignored(syscall.SIGHUP) { // else it was started to outlive its terminal
		if tty, err := openTerminal(); err == nil {
			hangup = tty.closing
			parts.Go(func() { tty.watch(first, log) })
			signal.Notify(c, syscall.SIGHUP)
		}
	}
	parts.Go(func() {
		if s, ok := await(second, c, hangup); ok {
			begin()
			log.Info("signal received", "signal", s.String(), "again", "ends at once")
		}
		// A terminal that is closed may send more than one SIGHUP: the shell's, too.
		if s, ok := await(second, c, func() bool { return false }); ok {
			end()
			log.Warn("signal received again, ending at once", "signal", s.String())
		}
		signal.Stop(c) // a third one ends what cannot be ended in order
	})
	return first, second, func() {
		signal.Stop(c)
		end()
		parts.Wait()
	}
}

// await returns the next signal that is to end dynlb; false if ctx ends before.
// SIGHUP does if hangup says so, or else means to read the config again.
func await(ctx context.Context, c <-chan os.Signal, hangup func() bool) (os.Signal, bool) {
	for {
		select {
		case s := <-c:
			if s != syscall.SIGHUP || hangup() {
				return s, true
			}
		case <-ctx.Done():
			return nil, false
		}
	}
}
