package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

func newHistory(o *options) *cobra.Command {
	var output, since string
	var step time.Duration
	cmd := &cobra.Command{
		Use:   "history [APP]",
		Short: "Show the figures of an app over time",
		Long: `Show requests, times, load and instances of an app over time: a line for each interval.
They are kept over restarts of dynlb if it has a stateDir.`,
		Example: `  dynlb history --since 2h --step 5m
  dynlb history web --since 2026-01-02 -o json`,
		Args:              oneApp,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := checkOutput(output, outputTable, outputJSON); err != nil {
				return err
			}
			request := &dynlbv1.GetHistoryRequest{}
			if request.From, err = parseSince(since, time.Now()); err != nil {
				return err
			}
			if request.App, err = o.appOf(args); err != nil {
				return err
			}
			if step == 0 { // some 30 lines
				step = max(time.Second, (time.Since(request.GetFrom().AsTime()) / 30).Truncate(10*time.Second))
			}
			request.Step = durationpb.New(min(step, 24*time.Hour))
			response, err := call(cmd, o, func(ctx context.Context, r *remote) (*dynlbv1.GetHistoryResponse, error) {
				return r.GetHistory(ctx, request)
			})
			if err != nil {
				return err
			}
			if output == outputJSON {
				return printJSON(cmd.OutOrStdout(), response)
			}
			return printHistory(cmd, response)
		},
	}
	clientFlags(cmd, o)
	outputFlag(cmd, &output, outputTable, outputJSON)
	cmd.Flags().StringVar(&since, "since", "1h", sinceHelp)
	cmd.Flags().DurationVar(&step, "step", 0, "time from line to line (default: some 30 lines)")
	return cmd
}

// printHistory prints a line for each point.
func printHistory(cmd *cobra.Command, h *dynlbv1.GetHistoryResponse) error {
	rows := [][]string{{"TIME", "REQ/S", "ERRORS", "P50 MS", "P95 MS", "P99 MS", "IN-FLIGHT", "WAITING", "LOAD", "TARGET", "READY", "CPU", "MEMORY"}}
	seconds, now := h.GetStep().AsDuration().Seconds(), time.Now()
	for _, p := range h.GetPoints() {
		requests := p.GetResponses_1Xx() + p.GetResponses_2Xx() + p.GetResponses_3Xx() + p.GetResponses_4Xx() + p.GetResponses_5Xx()
		rows = append(rows, []string{
			stamp(p.GetTime().AsTime(), now),
			fmt.Sprintf("%.1f", float64(requests)/seconds),
			fmt.Sprint(p.GetErrorsDynlb() + p.GetErrorsInstance()),
			fmt.Sprintf("%.1f", p.GetP50Ms()), fmt.Sprintf("%.1f", p.GetP95Ms()), fmt.Sprintf("%.1f", p.GetP99Ms()),
			fmt.Sprintf("%.1f", p.GetInFlight()), fmt.Sprintf("%.1f", p.GetWaiting()), fmt.Sprintf("%.2f", p.GetLoad()),
			fmt.Sprint(p.GetTarget()), fmt.Sprint(p.GetReady()),
			fmt.Sprintf("%.0f%%", 100*p.GetCpuCores()), fmt.Sprintf("%.1f MiB", p.GetMemoryBytes()/(1<<20)),
		})
	}
	for _, line := range align(rows, 1, len(rows[0])) {
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), line); err != nil {
			return err
		}
	}
	if len(h.GetPoints()) == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "there are no figures of this time yet, in steps of %v: 'dynlb history --since 1m --step 1s' shows the last ones\n", h.GetStep().AsDuration())
	}
	return nil
}
