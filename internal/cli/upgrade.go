package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

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

SIGUSR2 to the main process does the same without PATH.`,
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
			return o.printSteps(cmd, errUpgradeGoesOn, func(ctx context.Context, r *remote) (steps, error) {
				stream, err := r.Upgrade(ctx, &dynlbv1.UpgradeRequest{Path: path})
				return func() (string, error) { m, err := stream.Recv(); return m.GetText(), err }, err
			})
		},
	}
	clientFlags(cmd, o)
	return cmd
}

// process writes a line about the binary that serves, once there was an upgrade, or another
// worker than the first.
func (v view) process(w io.Writer, p *dynlbv1.Process) {
	if p.GetEpoch() < 2 && p.GetUpgradeTime() == nil {
		return
	}
	text, colour := fmt.Sprintf("dynlb %s, worker %d", p.GetVersion(), p.GetEpoch()), ""
	if n := p.GetDrainingWorkers(); n > 0 {
		text += fmt.Sprintf("; workers that finish requests: %d", n)
	}
	if at := p.GetUpgradeTime(); at != nil {
		text += "; last upgrade " + at.AsTime().Local().Format(time.DateTime)
	}
	if problem := p.GetUpgradeError(); problem != "" {
		text, colour = text+" failed: "+problem, red
	}
	v.line(w, text, colour)
}
