package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/logging"
)

func newWatch(o *options) *cobra.Command {
	var output string
	var interval time.Duration
	var off bool
	cmd := &cobra.Command{
		Use:   "watch [APP]",
		Short: "Follow the instances",
		Long: `Follow the instances: on a terminal a table that is redrawn in place, otherwise a
line for each event and each change. -o json prints each message of
WatchInstances on one line. When dynlb ends, watch waits for the next one and shows what
happened meanwhile.`,
		Example:           "  dynlb watch\n  dynlb watch api -o lines | grep scaled",
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
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
			defer stop()
			request := &dynlbv1.WatchInstancesRequest{App: app}
			if cmd.Flags().Changed("interval") {
				request.MinInterval = durationpb.New(interval)
			}
			screen := newScreen(out, output)
			var resume resumption
			tell := tellOn(cmd.ErrOrStderr())
			f := follower{options: o, off: off, tell: func(lost bool, reason string) {
				resume.connection(lost)
				screen.pause()
				tell(lost, reason)
			}}
			return f.run(ctx, func(ctx context.Context, r *remote, received func()) error {
				request.ResumeAfter = resume.after(app)
				return r.watch(ctx, request, screen, func(m *dynlbv1.WatchInstancesResponse) {
					received()
					resume.note(app, m)
				})
			})
		},
	}
	clientFlags(cmd, o)
	outputFlag(cmd, &output, outputTable, outputLines, outputJSON)
	reconnectFlag(cmd, &off)
	cmd.Flags().DurationVar(&interval, "interval", 0, "shortest time between two updates (default 250ms)")
	return cmd
}

// watch shows an app until the stream ends, and calls note for each message.
func (r *remote) watch(ctx context.Context, request *dynlbv1.WatchInstancesRequest, screen screen, note func(*dynlbv1.WatchInstancesResponse)) error {
	stream, err := r.WatchInstances(ctx, request)
	if err != nil {
		return err
	}
	return follow(stream, screen, note)
}

// redrawInterval is how often the last message is drawn again if no new one arrives:
// ages and holds change every second.
const redrawInterval = time.Second

// follow shows each message until the stream ends, and returns its error. It calls note
// for each.
func follow(stream grpc.ServerStreamingClient[dynlbv1.WatchInstancesResponse], screen screen, note func(*dynlbv1.WatchInstancesResponse)) error {
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
	for {
		var err error
		select {
		case message := <-messages:
			note(message)
			err = screen.show(message)
		case <-tick.C:
			err = screen.redraw()
		case err = <-ended:
		}
		if err != nil {
			return err
		}
	}
}
