package cli

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/daemon"
	"github.com/dynlb/dynlb/internal/demo"
)

func newBackend() *cobra.Command {
	var port int
	var socket string
	cmd := &cobra.Command{
		Use:     "backend --port N | --socket PATH",
		Example: "  dynlb backend --port 5001",
		Short:   "Run the built-in demo backend",
		Long:    `Run one instance of the app that 'dynlb serve' runs if neither location nor command is set.`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if socket == "" && !cmd.Flags().Changed("port") {
				return usageError{errors.New("--port is missing; give the port to listen on, such as --port 5001")}
			}
			if socket == "" && (port < 1 || port > 65535) {
				return usageError{fmt.Errorf("--port %d is not a port; give one from 1 to 65535", port)}
			}
			ctx, _, stop := daemon.Signals(cmd.Context(), slog.New(slog.DiscardHandler))
			defer stop()
			return demo.Run(ctx, demo.Options{Port: port, Socket: socket})
		},
	}
	cmd.Flags().IntVar(&port, "port", 0, "port to listen on, on 127.0.0.1")
	cmd.Flags().StringVar(&socket, "socket", "", "path of the Unix socket to listen on, in place of a port")
	cmd.MarkFlagsMutuallyExclusive("port", "socket")
	return cmd
}
