package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

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
			client, address, closeConn, err := dial(o)
			if err != nil {
				return err
			}
			defer closeConn()
			stream, err := client.RestartInstances(cmd.Context(), &dynlbv1.RestartInstancesRequest{MaxSurge: surge})
			if err != nil {
				return explain(err, address)
			}
			for {
				m, err := stream.Recv()
				switch {
				case errors.Is(err, io.EOF):
					return nil
				case status.Code(err) == codes.FailedPrecondition:
					return errors.New(status.Convert(err).Message() + "; 'dynlb watch' shows it")
				case err != nil:
					return explain(err, address)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%d of %d instances replaced\n", m.GetReplaced(), m.GetTotal())
			}
		},
	}
	clientFlags(cmd, o)
	cmd.Flags().Int32Var(&surge, "max-surge", 1, "how many instances there may be beyond the target meanwhile")
	return cmd
}
