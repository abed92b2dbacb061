package cli

import (
	"context"

	"github.com/spf13/cobra"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/logging"
)

func newStatus(o *options) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the instances",
		Long:  `Show the instances as they are now. -o json prints the body of GET /lb-status.`,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, outputTable, outputJSON); err != nil {
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
			if output == outputJSON {
				return printJSON(out, response.GetLbStatus())
			}
			v := view{colours: logging.Colours(underlying(out))}
			v.pool(out, response.GetPool())
			v.lastOutput(out, response.GetPool())
			return nil
		},
	}
	clientFlags(cmd, o)
	outputFlag(cmd, &output, outputTable, outputJSON)
	return cmd
}
