package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

func newPause(o *options) *cobra.Command {
	return newPauseCommand(o, &cobra.Command{
		Use:     "pause [APP]",
		Example: "  dynlb pause && ./migrate && dynlb resume",
		Short:   "Have requests wait",
		Long: `Have the requests of an app wait in its queue until 'dynlb resume', as for a change of
its database. Requests that are at instances finish. A request waits for queue.timeout
at most, and the queue holds queue.limit requests; more get a 503.`,
	}, "paused", func(ctx context.Context, r *remote, app string) (bool, error) {
		response, err := r.PauseApp(ctx, &dynlbv1.PauseAppRequest{App: app})
		return response.GetChanged(), err
	})
}

func newResume(o *options) *cobra.Command {
	return newPauseCommand(o, &cobra.Command{
		Use:     "resume [APP]",
		Example: "  dynlb resume",
		Short:   "End a pause",
		Long:    `End the pause of an app: the requests that wait are given to instances.`,
	}, "resumed", func(ctx context.Context, r *remote, app string) (bool, error) {
		response, err := r.ResumeApp(ctx, &dynlbv1.ResumeAppRequest{App: app})
		return response.GetChanged(), err
	})
}

// newPauseCommand completes a command that calls do for the app that it is given, and
// prints what was done. do returns whether that has changed anything.
func newPauseCommand(o *options, cmd *cobra.Command, done string, do func(ctx context.Context, r *remote, app string) (bool, error)) *cobra.Command {
	cmd.Args = oneApp
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		app, err := o.appOf(args)
		if err != nil {
			return err
		}
		changed, err := call(cmd, o, func(ctx context.Context, r *remote) (bool, error) { return do(ctx, r, app) })
		if err != nil {
			return err
		}
		if !changed {
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "already", done)
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), done)
		return err
	}
	clientFlags(cmd, o)
	return cmd
}
