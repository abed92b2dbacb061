package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/logging"
)

// errNoneReady is the error of status when no instance is ready.
var errNoneReady = errors.New("no instance is ready")

func newStatus(o *options) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "status [APP]",
		Example: "  dynlb status\n  dynlb status api -o full",
		Short:   "Show the instances",
		Long: `Show the instances as they are now, of all apps or of APP. -o json prints the body of
GET /lb-status, and -o full all that is known, one JSON for each app, with the processes
of dynlb. The exit code is
3 when no instance of an app is ready.`,
		Args:              oneApp,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, outputTable, outputJSON, outputFull); err != nil {
				return err
			}
			app, err := o.appOf(args)
			if err != nil {
				return err
			}
			all, err := askStatus(cmd, o, app)
			if err != nil {
				return err
			}
			if err := printStatus(cmd.OutOrStdout(), output, all); err != nil {
				return err
			}
			return checkReady(all)
		},
	}
	clientFlags(cmd, o)
	outputFlag(cmd, &output, outputTable, outputJSON, outputFull)
	return cmd
}

// askStatus returns the state of an app, or of all.
func askStatus(cmd *cobra.Command, o *options, app string) ([]*dynlbv1.GetStatusResponse, error) {
	return call(cmd, o, func(ctx context.Context, r *remote) ([]*dynlbv1.GetStatusResponse, error) {
		return r.statusOf(ctx, app)
	})
}

// statusOf returns the state of an app, or of all.
func (r *remote) statusOf(ctx context.Context, app string) (all []*dynlbv1.GetStatusResponse, err error) {
	names, err := r.appNames(ctx, app)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		response, err := r.GetStatus(ctx, &dynlbv1.GetStatusRequest{App: name})
		if err != nil {
			return nil, err
		}
		all = append(all, response)
	}
	return all, nil
}

// printStatus prints the state of apps.
func printStatus(out io.Writer, output string, all []*dynlbv1.GetStatusResponse) error {
	if output == outputJSON {
		return printJSON(out, lbStatusOf(all))
	}
	v := view{colours: logging.Colours(underlying(out))}
	for i, response := range all {
		pool := response.GetPool()
		if output == outputFull {
			if err := printFull(out, response); err != nil {
				return err
			}
			continue
		}
		if len(all) > 1 {
			if i > 0 {
				v.line(out, "", "")
			}
			v.line(out, "app "+pool.GetApp()+":", bold)
		}
		v.pool(out, pool)
		if i == len(all)-1 { // all apps share them
			v.certificates(out, response.GetCertificates())
			v.process(out, response.GetProcess())
		}
		v.lastOutput(out, pool)
	}
	return nil
}

// lbStatusOf returns the state of apps as /lb-status has it.
func lbStatusOf(all []*dynlbv1.GetStatusResponse) *dynlbv1.LbStatus {
	whole := new(dynlbv1.LbStatus)
	for _, response := range all {
		one := response.GetLbStatus()
		whole.Total += one.GetTotal()
		whole.Healthy += one.GetHealthy()
		whole.Instances = append(whole.Instances, one.GetInstances()...)
	}
	return whole
}

// checkReady returns an error if no instance of an app is ready.
func checkReady(all []*dynlbv1.GetStatusResponse) error {
	for _, response := range all {
		switch {
		case response.GetLbStatus().GetHealthy() > 0:
		case len(all) == 1:
			return errNoneReady
		default:
			return fmt.Errorf("app %s: %w", response.GetPool().GetApp(), errNoneReady)
		}
	}
	return nil
}
