package cli

import (
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/daemon"
	"github.com/dynlb/dynlb/proxy"
)

// logLevels are the values of --log-level.
var logLevels = []string{"debug", "info", "warn", "error"}

func newServe(o *options) *cobra.Command {
	var level slog.Level
	var engine proxy.Engine
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the load balancer",
		Long: `Start the instances of the app, and balance HTTP over them.

SIGINT, SIGTERM or the end of the terminal stops dynlb: it finishes the requests in
flight, and then stops the instances. A second signal stops it at once.

A change of the config file, or SIGHUP, reloads the config. No request is lost. An
invalid config changes nothing.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return daemon.Serve(cmd.Context(), daemon.ServeOptions{
				ConfigPath: o.config, LogLevel: level, Engine: engine, Stdout: underlying(cmd.OutOrStdout()), Stderr: cmd.ErrOrStderr(), Version: o.version,
			})
		},
	}
	flags := cmd.Flags()
	flags.TextVar(&level, "log-level", slog.LevelInfo, "minimum level to log: "+strings.Join(logLevels, ", "))
	flags.Lookup("log-level").DefValue = "info" // slog writes INFO
	flags.TextVar(&engine, "engine", proxy.EngineAuto,
		"what carries requests: fast (event loops, Linux only), std (net/http), or auto (fast where available)")
	for flag, values := range map[string][]string{"log-level": logLevels, "engine": {"auto", "fast", "std"}} {
		_ = cmd.RegisterFlagCompletionFunc(flag, // the flag exists
			cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}
