package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

func newScale(o *options) *cobra.Command {
	var hold, timeout time.Duration
	var wait bool
	cmd := &cobra.Command{
		Use:   "scale [APP=]N",
		Short: "Set the number of instances",
		Long: `Set the number of instances, between minInstances and maxInstances. The autoscaler
goes on from there. With --hold it leaves the number alone for that long. With --wait
the command ends when so many instances are ready; the exit code is 1, and the error
says why, if they are not within --timeout.`,
		Example: "  dynlb scale 4 --hold 10m\n  dynlb scale api=4",
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 2 && !strings.Contains(args[0], "="): // "APP N", as other tools have it
				return nil
			case len(args) != 1:
				return errors.New("scale needs the number of instances, such as: dynlb scale 4")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			app, n, err := o.parseScale(strings.Join(args, "="))
			if err != nil {
				return err
			}
			r, err := dial(cmd.Context(), o)
			if err != nil {
				return err
			}
			defer r.close()
			request := &dynlbv1.ScaleToRequest{App: app, Target: &n}
			if hold != 0 {
				request.Hold = durationpb.New(hold)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), orderTimeout)
			defer cancel()
			response, err := r.ScaleTo(ctx, request)
			if err != nil {
				return r.explain(cmd.Context(), err)
			}
			if _, err = fmt.Fprintf(cmd.OutOrStdout(), "target %d -> %d\n", response.GetOldTarget(), response.GetNewTarget()); err != nil || !wait {
				return err
			}
			return r.await(cmd.Context(), app, response.GetNewTarget(), timeout)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	clientFlags(cmd, o)
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until so many instances are ready")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long --wait waits")
	cmd.Flags().DurationVar(&hold, "hold", 0, "how long the autoscaler leaves the number alone, such as 10m (up to 24h)")
	return cmd
}

// parseScale returns what N or APP=N says, with the app of --app.
func (o *options) parseScale(arg string) (app string, n int32, err error) {
	number, app := arg, o.app
	if name, after, ok := strings.Cut(arg, "="); ok {
		number = after
		if app, err = o.appOf([]string{name}); err != nil {
			return "", 0, err
		}
	}
	parsed, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return "", 0, usageError{fmt.Errorf("%q is not a number of instances; give a whole number, such as: dynlb scale 4", number)}
	}
	return app, int32(parsed), nil
}
