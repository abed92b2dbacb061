package cli

import (
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/daemon"
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
			return daemon.Serve(cmd.Context(), daemon.ServeOptions{
				ConfigPath: o.config, LogLevel: level, Engine: engine, Stderr: cmd.ErrOrStderr(), Version: o.version,
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
