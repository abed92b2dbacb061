package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// errInterrupted says that a command was, and that what it began goes on.
var errInterrupted = errors.New("the restart goes on; 'dynlb watch' shows it")

func newRestart(o *options) *cobra.Command {
	var surge int32
	cmd := &cobra.Command{
		Use:   "restart",
		Short: "Replace all instances by new ones, without losing a request",
		Long: `Replace all instances by new ones: a new one is ready before an old one drains.
That is how new code is deployed: change the files, and restart. When a new
instance does not become ready, it ends there, the old ones stay, and the exit
code is 1. It goes on when this command is interrupted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := given(cmd, "max-surge", surge > 0); err != nil {
				return err
			}
			r, err := dial(cmd.Context(), o)
			if err != nil {
				return err
			}
			defer r.close()
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			stream, err := r.RestartInstances(ctx, &dynlbv1.RestartInstancesRequest{MaxSurge: surge})
			if err != nil {
				return r.explain(cmd.Context(), err)
			}
			for {
				m, err := stream.Recv()
				switch {
				case errors.Is(err, io.EOF):
					return nil
				case err != nil && ctx.Err() != nil:
					return errInterrupted
				case status.Code(err) == codes.FailedPrecondition:
					return errors.New(status.Convert(err).Message() + "; 'dynlb watch' shows it")
				case err != nil:
					return r.explain(cmd.Context(), err)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%d of %d instances replaced\n", m.GetReplaced(), m.GetTotal())
			}
		},
	}
	clientFlags(cmd, o)
	cmd.Flags().Int32Var(&surge, "max-surge", 1, "how many instances there may be beyond the target meanwhile")
	return cmd
}
