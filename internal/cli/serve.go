package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/daemon"
	"github.com/dynlb/dynlb/proxy"
)

// logLevels are the values of --log-level.
var logLevels = []string{"debug", "info", "warn", "error"}

func newServe(o *options) *cobra.Command {
	var level slog.Level
	var engine proxy.Engine
	var listen string
	cmd := &cobra.Command{
		Use:   "serve [FILE | COMMAND...]",
		Short: "Run the load balancer",
		Long: `Start the instances of the app, and balance HTTP over them.

FILE or COMMAND is served without a config, with the defaults: a script for Bun or
Node, a file of Python, Ruby or PHP, or any program with its arguments, in which {port}
stands for the port. It is started once before, to see which path answers the health
check. 'dynlb init' writes the same as a config.

SIGINT, SIGTERM or the end of the terminal stops dynlb: it finishes the requests in
flight, and then stops the instances. A second signal stops it at once.

A change of the config file, or SIGHUP, reloads the config. No request is lost. An
invalid config changes nothing.`,
		Example: `  dynlb serve
  dynlb serve app.ts
  dynlb serve node server.js --port {port}`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			var load func() (config.Config, error)
			if len(args) > 0 {
				var err error
				if load, err = loadArguments(cmd.Context(), o, args, listen, func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), line) }); err != nil {
					return err
				}
			} else if listen != "" {
				return usageError{errors.New("--listen is for FILE or COMMAND; a config says it with its key listen")}
			}
			return daemon.Serve(cmd.Context(), daemon.ServeOptions{
				ConfigPath: o.config, Load: load, LogLevel: level, Engine: engine, Stdout: underlying(cmd.OutOrStdout()), Stderr: cmd.ErrOrStderr(), Version: o.version,
			})
		},
	}
	flags := cmd.Flags()
	flags.SetInterspersed(false) // what follows COMMAND are its own flags
	flags.TextVar(&level, "log-level", slog.LevelInfo, "minimum level to log: "+strings.Join(logLevels, ", "))
	flags.Lookup("log-level").DefValue = "info" // slog writes INFO
	flags.TextVar(&engine, "engine", proxy.EngineAuto,
		"what carries requests: fast (event loops, Linux only), std (net/http), or auto (fast where available)")
	flags.StringVar(&listen, "listen", "", "where clients of FILE or COMMAND connect (default :4000)")
	for flag, values := range map[string][]string{"log-level": logLevels, "engine": {"auto", "fast", "std"}} {
		_ = cmd.RegisterFlagCompletionFunc(flag, // the flag exists
			cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

// loadArguments returns what loads the config of an app that the command line names. A
// config file would say something else.
func loadArguments(ctx context.Context, o *options, args []string, listen string, tell func(line string)) (func() (config.Config, error), error) {
	path := o.config
	if path == "" {
		path = config.FindDefault()
	}
	if _, err := os.Stat(path); o.config != "" || !errors.Is(err, fs.ErrNotExist) {
		return nil, usageError{fmt.Errorf("%s says what to serve, and so does %q; leave out one of them", path, strings.Join(args, " "))}
	}
	r, health, err := tryApp(ctx, ".", args, false, tell)
	if err != nil {
		return nil, err
	}
	text := r.Config(health, listen)
	return func() (config.Config, error) {
		settings, err := config.Parse(args[0], []byte(text), ".", os.Getenv)
		settings.Path = "" // there is no file to watch
		return settings, err
	}, nil
}
