package cli

import (
	"cmp"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// errReloadGoesOn is the error of an interrupt.
const errReloadGoesOn goesOnError = "the reload goes on; 'dynlb status' shows its outcome"

func newReload(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Read the config again",
		Long: `Read the config file again and put it in force, as SIGHUP does. No request is lost. The
command ends when the config is in force: if it needs other instances, when these have
replaced all others. The exit code is 2 if the config is invalid, and 1 if it could not
be put in force; the previous one stays then. To replace the instances without a change
of the config, as for new code, see 'dynlb restart'.`,
		Example: "  dynlb check && dynlb reload",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("reload reads the config of all apps again and takes no argument; to replace the instances of one: dynlb restart %s", args[0])
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := dial(cmd.Context(), o)
			if err != nil {
				return err
			}
			defer r.close()
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			response, err := r.Reload(ctx, &dynlbv1.ReloadRequest{})
			switch {
			case err != nil && ctx.Err() != nil:
				return errReloadGoesOn
			case err != nil:
				return r.explainOf(cmd.Context(), err, "the reload")
			}
			fmt.Fprintf(cmd.OutOrStdout(), "in force: %s\n", cmp.Or(response.GetPath(), "the defaults"))
			return nil
		},
	}
	clientFlags(cmd, o)
	return cmd
}
