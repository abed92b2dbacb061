package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/terminal"
)

// errDrainGoesOn is the error of an interrupt.
const errDrainGoesOn goesOnError = "the drain goes on; 'dynlb watch' shows it"

func newDrain(o *options) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "drain INSTANCE",
		Short: "Replace one instance without losing a request",
		Long: `Replace one instance: a new one is ready before it drains, and it stops when its requests
have ended. INSTANCE is its id, of which the first characters are enough, as 'dynlb
status' shows them. The command prints what happens and ends when the instance is gone.
The exit code is 1, and the error says why, if that takes longer than --timeout.`,
		Example: "  dynlb drain 3f2a\n  dynlb drain 3f2a --app api --timeout 10m",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return errors.New("drain needs an instance, as 'dynlb status' shows it, such as: dynlb drain 3f2a")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkPositive(cmd, "timeout", timeout > 0); err != nil {
				return err
			}
			r, err := dial(cmd.Context(), o)
			if err != nil {
				return err
			}
			defer r.close()
			in, err := r.findInstance(cmd.Context(), o.app, ofMark(args[0]))
			if err != nil {
				return err
			}
			return r.drain(cmd, in, timeout)
		},
	}
	clientFlags(cmd, o)
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait for the end of the instance")
	return cmd
}

// findInstance returns the instance whose id begins with what is given, of an app or of
// all.
func (r *remote) findInstance(ctx context.Context, app, begin string) (found *dynlbv1.Instance, err error) {
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	all, err := r.statusOf(limited, app)
	if err != nil {
		return nil, r.explain(ctx, err)
	}
	var there []string
	for _, response := range all {
		for _, in := range response.GetPool().GetInstances() {
			there = append(there, terminal.ShortID(in.GetId()))
			if !strings.HasPrefix(in.GetId(), begin) {
				continue
			}
			if found != nil {
				return nil, usageError{fmt.Errorf("%q is the beginning of %s and of %s; give more of it", begin, found.GetId(), in.GetId())}
			}
			found = in
		}
	}
	switch {
	case found != nil:
		return found, nil
	case len(there) == 0:
		return nil, usageError{fmt.Errorf("there is no instance %q, nor any other", begin)}
	default:
		return nil, usageError{fmt.Errorf("there is no instance %q; there are %s", begin, strings.Join(there, ", "))}
	}
}

// drain drains an instance, and prints what happens until it is gone.
func (r *remote) drain(cmd *cobra.Command, in *dynlbv1.Instance, timeout time.Duration) error {
	interrupted, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(interrupted, timeout)
	defer cancel()
	// The watch begins before the drain, so that it has all events of it.
	stream, err := r.WatchInstances(ctx, &dynlbv1.WatchInstancesRequest{App: in.GetApp()})
	if err != nil {
		return r.explain(cmd.Context(), err)
	}
	if _, err := stream.Recv(); err != nil {
		return r.explain(cmd.Context(), err)
	}
	if _, err := r.DrainInstance(ctx, &dynlbv1.DrainInstanceRequest{App: in.GetApp(), InstanceId: in.GetId()}); err != nil {
		return r.explain(cmd.Context(), err)
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s is being replaced\n", terminal.ShortID(in.GetId()))
	var last *dynlbv1.Pool
	for {
		m, err := stream.Recv()
		switch {
		case err != nil && interrupted.Err() != nil:
			return errDrainGoesOn
		case err != nil && ctx.Err() != nil:
			return fmt.Errorf("%s is not gone after %v%s; the drain goes on", terminal.ShortID(in.GetId()), timeout, whyNot(last))
		case err != nil:
			return r.explainOf(cmd.Context(), err, "the drain")
		}
		last = m.GetPool()
		if printDrain(out, m, in.GetId()) {
			return nil
		}
	}
}

// printDrain prints the events of instances, and reports whether one is gone.
func printDrain(w io.Writer, m *dynlbv1.WatchInstancesResponse, id string) bool {
	for _, e := range m.GetEvents() {
		if e.GetInstanceId() != "" {
			fmt.Fprintln(w, eventText(e))
		}
	}
	for _, in := range m.GetPool().GetInstances() {
		if in.GetId() == id {
			return false
		}
	}
	return true
}
