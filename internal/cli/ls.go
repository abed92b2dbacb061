package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/dynlb/dynlb/internal/logging"
	"github.com/dynlb/dynlb/internal/runs"
)

// lsTimeout bounds how long one dynlb is asked for its state.
const lsTimeout = 2 * time.Second

func newLs(o *options) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list", "l", "ps"},
		Short:   "List all dynlb that run on this machine",
		Long: `List all dynlb that run on this machine, as far as this user may see them: process,
addresses, apps, how many instances are ready, and the config file. Only those of this
user are asked how many instances are ready. 'dynlb status --admin ADDRESS' shows the
instances of one.`,
		Example:           "  dynlb ls\n  dynlb ls -o json",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, outputTable, outputJSON); err != nil {
				return err
			}
			all := runs.List(runs.Folders(os.Getenv))
			if output == outputJSON {
				return printRecords(cmd.OutOrStdout(), all)
			}
			if len(all) == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "no dynlb runs on this machine ('dynlb serve' starts one)")
				return nil
			}
			rows := [][]string{{"PID", "AGE", "LISTEN", "ADMIN", "READY", "APPS", "CONFIG"}}
			for i := range all {
				rows = append(rows, o.recordRow(cmd.Context(), &all[i]))
			}
			v := view{colours: logging.Colours(underlying(cmd.OutOrStdout()))}
			for i, line := range align(rows, 0, 2) {
				colour := ""
				if i > 0 && rows[i][4] == "?" {
					colour = red
				}
				v.line(cmd.OutOrStdout(), line, colour)
			}
			return nil
		},
	}
	outputFlag(cmd, &output, outputTable, outputJSON)
	return cmd
}

// printRecords prints each record as JSON on one line.
func printRecords(w io.Writer, all []runs.Record) error {
	for i := range all {
		data, err := json.Marshal(&all[i])
		if err != nil {
			return fmt.Errorf("print JSON: %w", err)
		}
		if _, err := fmt.Fprintf(w, "%s\n", data); err != nil {
			return err
		}
	}
	return nil
}

// recordRow returns the row of a dynlb.
func (o *options) recordRow(ctx context.Context, r *runs.Record) []string {
	return []string{
		strconv.Itoa(r.PID), age(timestamppb.New(r.Begin)), r.Listen, r.Admin, o.readyAt(ctx, r),
		strings.Join(r.Apps, ","), cmp.Or(r.Config, "(the defaults)"),
	}
}

// readyAt returns how many instances of a dynlb are ready, of how many that are wanted:
// "2/3"; "-" for that of another user, and "?" for one that does not answer.
func (o *options) readyAt(ctx context.Context, r *runs.Record) string {
	if !r.Own { // its config could name any file as the token, and any address to send it to
		return "-"
	}
	ctx, cancel := context.WithTimeout(ctx, lsTimeout)
	defer cancel()
	its := options{version: o.version, config: r.Config, at: r.Admin} // the config has what auth asks for
	if r.Config == "" {
		its.admin = r.Admin
	}
	remote, err := dial(ctx, &its)
	if err != nil {
		return "?"
	}
	defer remote.close()
	all, err := remote.statusOf(ctx, "")
	if err != nil {
		return "?"
	}
	ready, target := 0, 0
	for _, response := range all {
		ready += readyIn(response.GetPool())
		target += int(response.GetPool().GetTarget())
	}
	return fmt.Sprintf("%d/%d", ready, target)
}
