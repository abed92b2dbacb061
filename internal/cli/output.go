package cli

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/dynlb/dynlb/server"
)

// The values of --output.
const (
	outputTable = "table"
	outputLines = "lines"
	outputJSON  = "json"
	outputFull  = "full"
)

// outputFlag gives cmd the flag --output. The first value is the default.
func outputFlag(cmd *cobra.Command, output *string, values ...string) {
	cmd.Flags().StringVarP(output, "output", "o", values[0], alternatives(values))
	_ = cmd.RegisterFlagCompletionFunc("output", // the flag exists
		cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// checkOutput returns an error if the value of --output is none of values.
func checkOutput(output string, values ...string) error {
	if slices.Contains(values, output) {
		return nil
	}
	return usageError{fmt.Errorf("--output %q: use %s", output, alternatives(values))}
}

// printJSON prints m on one line, as the HTTP listeners encode it.
func printJSON(w io.Writer, m proto.Message) error {
	data, err := server.MarshalJSON(m)
	if err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", data)
	return err
}
