package daemon

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/logging"
	"github.com/dynlb/dynlb/proxy"
)

// ServeOptions are the flags of `dynlb serve`, and where its log goes.
type ServeOptions struct {
	ConfigPath string // empty: config.DefaultPath, or the defaults when there is none
	LogLevel   slog.Level
	Engine     proxy.Engine
	Stderr     io.Writer
	Version    string
}

// ConfigError says that the daemon cannot run with a config that is valid in itself.
type ConfigError struct{ error }

// Serve is `dynlb serve`: it runs a daemon until a signal, or the end of ctx,
// ends it, and reloads its config on SIGHUP and when the file has changed.
func Serve(ctx context.Context, o ServeOptions) error {
	if err := watchable(cmp.Or(o.ConfigPath, config.DefaultPath)); err != nil {
		return ConfigError{err}
	}
	settings, err := config.Load(o.ConfigPath, os.Getenv)
	if err != nil {
		return err
	}
	// Whoever reads the log may end first, as tee does on Ctrl-C. A signal
	// that is asked for does not end the process; main still has something
	// to say, so it is asked for to the end.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	logs := logging.New(o.Stderr, o.LogLevel)
	defer logs.Close()
	log := logs.Own
	slog.SetDefault(log) // for what the standard library logs on its own
	if settings.Path == "" {
		log.Info("no " + config.DefaultPath + " here, the defaults apply")
	}
	if err := Check(settings); err != nil {
		return err
	}
	collectSooner(o.Engine)
	graceful, now, stop := Signals(ctx, log)
	defer stop()
	file := settings.Path
	reloads, stopWatch := watchConfig(cmp.Or(file, config.DefaultPath), log)
	defer stopWatch()
	closeGuard, err := guard(log)
	if err != nil {
		return err
	}
	defer closeGuard()
	d, err := New(Options{
		Config: settings, Engine: o.Engine, Log: log, InstanceLog: logs.Instances, Version: o.Version,
		Load: func() (config.Config, error) {
			settings, err := config.Load(file, os.Getenv)
			if err == nil {
				file = settings.Path // from now on a missing one is an error
			}
			return settings, err
		},
	})
	if err != nil {
		return err
	}
	follow := context.AfterFunc(graceful, func() { d.Shutdown(now) })
	defer follow()
	ended := make(chan struct{})
	defer close(ended)
	go func() { // ends with Serve
		for {
			select {
			case why := <-reloads:
				d.Reload(why)
			case <-ended:
				return
			}
		}
	}()
	return d.Run(context.WithoutCancel(ctx))
}
