package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/logging"
)

// errNoneReady is the error of status when no instance is ready.
var errNoneReady = errors.New("no instance is ready")

func newStatus(o *options) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the instances",
		Long: `Show the instances as they are now. -o json prints the body of GET /lb-status, and
-o full all that is known, as JSON. The exit code is 3 when no instance is ready.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, outputTable, outputJSON, outputFull); err != nil {
				return err
			}
			r, err := dial(cmd.Context(), o)
			if err != nil {
				return err
			}
			defer r.close()
			ctx, cancel := context.WithTimeout(cmd.Context(), callTimeout)
			defer cancel()
			response, err := r.GetStatus(ctx, &dynlbv1.GetStatusRequest{})
			if err != nil {
				return r.explain(cmd.Context(), err)
			}
			out := cmd.OutOrStdout()
			switch output {
			case outputJSON:
				err = printJSON(out, response.GetLbStatus())
			case outputFull:
				err = printJSON(out, response.GetPool())
			default:
				v := view{colours: logging.Colours(underlying(out))}
				v.pool(out, response.GetPool())
				v.certificates(out, response.GetCertificates())
				v.lastOutput(out, response.GetPool())
			}
			if err == nil && response.GetLbStatus().GetHealthy() == 0 {
				err = errNoneReady
			}
			return err
		},
	}
	clientFlags(cmd, o)
	outputFlag(cmd, &output, outputTable, outputJSON, outputFull)
	return cmd
}
