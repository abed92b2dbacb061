package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// errRestartGoesOn is the error of an interrupt.
const errRestartGoesOn goesOnError = "the restart goes on; 'dynlb watch' shows it"

func newRestart(o *options) *cobra.Command {
	var surge int32
	cmd := &cobra.Command{
		Use:     "restart [APP]",
		Example: "  dynlb restart\n  dynlb restart api --max-surge 2",
		Short:   "Replace all instances without losing a request",
		Long: `Replace all instances of an app: each new one is ready before an old one drains. This is how
new code is deployed: change the files, then restart. If a new instance does not
become ready, the restart stops, the old instances stay, and the exit code is 1.
The restart goes on if this command is interrupted.`,
		Args:              oneApp,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkPositive(cmd, "max-surge", surge > 0); err != nil {
				return err
			}
			app, err := o.appOf(args)
			if err != nil {
				return err
			}
			return o.printSteps(cmd, "the restart", errRestartGoesOn, func(ctx context.Context, r *remote) (steps, error) {
				stream, err := r.RestartInstances(ctx, &dynlbv1.RestartInstancesRequest{App: app, MaxSurge: surge})
				return func() (string, error) {
					m, err := stream.Recv()
					if status.Code(err) == codes.FailedPrecondition {
						err = status.Error(codes.FailedPrecondition, status.Convert(err).Message()+"; 'dynlb watch' shows it")
					}
					return fmt.Sprintf("%d of %d instances replaced", m.GetReplaced(), m.GetTotal()), err
				}, err
			})
		},
	}
	clientFlags(cmd, o)
	cmd.Flags().Int32Var(&surge, "max-surge", 1, "how many instances may exist beyond the target during the restart")
	return cmd
}
