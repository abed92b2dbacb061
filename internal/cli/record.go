package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/simulate"
)

func newRecord(o *options) *cobra.Command {
	var length time.Duration
	cmd := &cobra.Command{
		Use:     "record",
		Example: "  dynlb record --for 10m > load.txt",
		Short:   "Record the load of a running dynlb for 'dynlb simulate'",
		Long: `Record the load of a running dynlb, one line for each second: how many requests
arrived, how many are in flight, and the mean time to a response in ms. 'dynlb
simulate --load FILE' reads such a file. Without --for it goes on until it is
interrupted.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkPositive(cmd, "for", length > 0); err != nil {
				return err
			}
			r, err := dial(cmd.Context(), o)
			if err != nil {
				return err
			}
			defer r.close()
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if length > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, length+time.Second/2)
				defer cancel()
			}
			if err := record(ctx, r, o.app, cmd.OutOrStdout()); err != nil && ctx.Err() == nil {
				return r.explain(cmd.Context(), err)
			}
			return nil // its time is over, or it was interrupted
		},
	}
	clientFlags(cmd, o)
	cmd.Flags().DurationVar(&length, "for", 0, "how long to record (default until interrupted)")
	return cmd
}

// record writes a line of an app each second until ctx ends.
func record(ctx context.Context, client dynlbv1.ControlClient, app string, out io.Writer) error {
	if err := simulate.WriteHeader(out); err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last *dynlbv1.Pool
	for {
		response, err := client.GetStatus(ctx, &dynlbv1.GetStatusRequest{App: app})
		if err != nil {
			return err
		}
		now := response.GetPool()
		if last != nil {
			if err := secondOf(last, now).Write(out); err != nil {
				return err
			}
		}
		last = now
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// secondOf returns what happened between two states.
func secondOf(last, now *dynlbv1.Pool) simulate.Second {
	s := simulate.Second{Arrivals: now.GetArrivals() - last.GetArrivals()}
	for _, in := range now.GetInstances() {
		s.InFlight += int(in.GetInFlight())
	}
	if n := now.GetResponses() - last.GetResponses(); n > 0 {
		s.Service = (now.GetServiceTime().AsDuration() - last.GetServiceTime().AsDuration()) / time.Duration(n)
	}
	return s
}
