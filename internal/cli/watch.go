package cli

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/logging"
)

func newWatch(o *options) *cobra.Command {
	var output string
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "watch [APP]",
		Short: "Follow the instances",
		Long: `Follow the instances: on a terminal a table that is redrawn in place, otherwise a
line for each event and each change. -o json prints each message of
WatchInstances on one line.`,
		Args:              oneApp,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if !cmd.Flags().Changed("output") && !logging.IsTerminal(underlying(out)) {
				output = outputLines
			}
			if err := checkOutput(output, outputTable, outputLines, outputJSON); err != nil {
				return err
			}
			if err := checkPositive(cmd, "interval", interval > 0); err != nil {
				return err
			}
			app, err := o.appOf(args)
			if err != nil {
				return err
			}
			r, err := dial(cmd.Context(), o)
			if err != nil {
				return err
			}
			defer r.close()
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			request := &dynlbv1.WatchInstancesRequest{App: app}
			if cmd.Flags().Changed("interval") {
				request.MinInterval = durationpb.New(interval)
			}
			stream, err := r.WatchInstances(ctx, request)
			if err != nil {
				return r.explain(cmd.Context(), err)
			}
			err = follow(stream, newScreen(out, output))
			switch {
			case ctx.Err() != nil:
				return nil // interrupted: that is how a watch ends
			case errors.Is(err, errWatchEnded):
				return err
			default:
				return r.explain(cmd.Context(), err)
			}
		},
	}
	clientFlags(cmd, o)
	outputFlag(cmd, &output, outputTable, outputLines, outputJSON)
	cmd.Flags().DurationVar(&interval, "interval", 0, "shortest time between two updates (default 250ms)")
	return cmd
}

// errWatchEnded says that the server ended a watch.
var errWatchEnded = errors.New("the watch has ended")

// redrawInterval is how often the last message is drawn again if no new one arrives:
// ages and holds change every second.
const redrawInterval = time.Second

// follow shows each message until the stream ends, and returns its error.
func follow(stream grpc.ServerStreamingClient[dynlbv1.WatchInstancesResponse], screen screen) error {
	messages := make(chan *dynlbv1.WatchInstancesResponse)
	ended := make(chan error, 1)
	go func() { // ends with the stream, which ends with its context
		for {
			message, err := stream.Recv()
			if err != nil {
				ended <- err
				return
			}
			select {
			case messages <- message:
			case <-stream.Context().Done():
			}
		}
	}()
	tick := time.NewTicker(redrawInterval)
	defer tick.Stop()
	for received := false; ; {
		var err error
		select {
		case message := <-messages:
			received = true
			err = screen.show(message)
		case <-tick.C:
			err = screen.redraw()
		case err = <-ended:
			if received {
				err = fmt.Errorf("%w: %s", errWatchEnded, status.Convert(err).Message())
			}
		}
		if err != nil {
			return err
		}
	}
}
