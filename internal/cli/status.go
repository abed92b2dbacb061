package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/logging"
	"github.com/dynlb/dynlb/server"
)

func newStatus(o *options) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the instances",
		Long:  `Show the instances as they are now. -o json prints exactly what GET /lb-status answers.`,
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
			v := view{colours: logging.Colours(beneath(out))}
			v.pool(out, response.GetPool())
			v.lastOutput(out, response.GetPool())
			return nil
		},
	}
	clientFlags(cmd, o)
	outputFlag(cmd, &output, outputTable, outputJSON)
	return cmd
}

// The values of --output.
const (
	outputTable = "table"
	outputLines = "lines"
	outputJSON  = "json"
)

// outputFlag gives cmd the flag --output; the first value is the default.
func outputFlag(cmd *cobra.Command, output *string, values ...string) {
	cmd.Flags().StringVarP(output, "output", "o", values[0], listed(values))
	_ = cmd.RegisterFlagCompletionFunc("output", // the flag exists
		cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func checkOutput(output string, values ...string) error {
	if slices.Contains(values, output) {
		return nil
	}
	return usageError{fmt.Errorf("--output %q: there are %s", output, listed(values))}
}

// listed is "a, b and c".
func listed(values []string) string {
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " and " + values[last]
}

// printJSON prints m as the JSON listeners do, and a line ending.
func printJSON(w io.Writer, m proto.Message) error {
	data, err := server.MarshalJSON(m)
	if err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", data)
	return err
}
