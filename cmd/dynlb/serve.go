package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/config"
)

func newServe(o *options) *cobra.Command {
	var level slog.Level
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the load balancer",
		Long: `Run the instances and balance HTTP over them, until SIGINT or SIGTERM: then the
requests in flight finish, and the instances stop. A second signal ends it at
once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := config.Load(o.config, os.Getenv)
			if err != nil {
				return err
			}
			log := newLogger(cmd.ErrOrStderr(), level)
			slog.SetDefault(log) // for what the standard library logs on its own
			if settings.Path == "" {
				log.Info("no " + config.DefaultPath + " here, the defaults apply")
			}
			argv, err := command(settings, log)
			if err != nil {
				return err
			}
			graceful, now, stop := signals(cmd.Context(), log)
			defer stop()
			closeGuard, err := guard(log)
			if err != nil {
				return err
			}
			defer closeGuard()
			d, err := newDaemon(settings, argv, log)
			if err != nil {
				return err
			}
			return d.run(graceful, now)
		},
	}
	cmd.Flags().TextVar(&level, "log-level", slog.LevelInfo, "least level to log: debug, info, warn, error")
	_ = cmd.RegisterFlagCompletionFunc("log-level", // the flag exists
		cobra.FixedCompletions([]string{"debug", "info", "warn", "error"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// command returns how to start an instance on a port: as the settings say, or
// the demo backend that is built in.
func command(settings config.Config, log *slog.Logger) (func(port int) []string, error) {
	if settings.Argv(0) != nil {
		return settings.Argv, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the demo backend: %w", err)
	}
	log.Info("no location or command is set, the built-in demo backend runs")
	return func(port int) []string {
		return []string{self, "backend", "--port", fmt.Sprint(port)}
	}, nil
}

// signals returns a context that ends with the first SIGINT or SIGTERM, and one
// that ends with the second. Call stop when done.
func signals(parent context.Context, log *slog.Logger) (first, second context.Context, stop func()) {
	second, end := context.WithCancel(parent)
	first, begin := context.WithCancel(second)
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	go func() { // ends with stop
		for _, next := range []func(){begin, end} {
			select {
			case s := <-c:
				log.Info("signal received", "signal", s.String(), "again", "ends at once")
				next()
			case <-second.Done():
				return
			}
		}
		signal.Stop(c) // a third one ends what cannot be ended in order
	}()
	return first, second, func() {
		signal.Stop(c)
		end()
	}
}
