package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// errUpgradeGoesOn is the error of an interrupt.
const errUpgradeGoesOn goesOnError = "the upgrade goes on; 'dynlb status' shows the version that serves"

func newUpgrade(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "upgrade [PATH]",
		Short: "Put another binary of dynlb in the place of the one that runs",
		Long: `Replace the dynlb that runs by the binary PATH, under load: no connection is refused, no
request is lost, and the instances and the main process stay the same. Without PATH it
is the program that dynlb was started as, which a package upgrade has replaced.

The new binary reads the config and starts beside the present one. When it is ready, it
takes over, and the present one finishes its requests. If it is not ready within 10 s,
nothing has changed, the exit code is 1 and the error says why. A downgrade is the same.
While a deploy is under way there is no upgrade.

SIGUSR2 to the main process does the same without PATH. 'dynlb status' shows the result
of the last upgrade, and so do an event and the log.`,
		Example: "  dynlb upgrade\n  dynlb upgrade ./dynlb-next",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return errors.New("upgrade takes one binary at most, such as: dynlb upgrade ./dynlb-next")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			path := ""
			if len(args) == 1 {
				var err error
				if path, err = filepath.Abs(args[0]); err != nil {
					return fmt.Errorf("find %s: %w", args[0], err)
				}
			}
			return o.printSteps(cmd, "the upgrade", errUpgradeGoesOn, func(ctx context.Context, r *remote) (steps, error) {
				stream, err := r.Upgrade(ctx, &dynlbv1.UpgradeRequest{Path: path})
				return func() (string, error) { m, err := stream.Recv(); return m.GetText(), err }, err
			})
		},
	}
	clientFlags(cmd, o)
	return cmd
}
