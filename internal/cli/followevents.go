package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// lastSequence returns the number of the newest event.
func lastSequence(events []*dynlbv1.Event) (last uint64) {
	for _, e := range events {
		last = max(last, e.GetSequence())
	}
	return last
}

// followEvents prints the events after a number that a request asks for, until an
// interrupt.
func followEvents(cmd *cobra.Command, o *options, request *dynlbv1.ListEventsRequest, output string, after uint64, off bool) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	resume := map[string]uint64{} // by app
	f := follower{options: o, off: off, tell: tellOn(cmd.ErrOrStderr()), reached: true}
	return f.run(ctx, func(ctx context.Context, r *remote, received func()) error {
		names, err := r.appNames(ctx, request.GetApp())
		if err != nil {
			return err
		}
		return r.watchAll(ctx, names, func(app string) uint64 { return max(after, resume[app]) }, func(app string, m *dynlbv1.WatchInstancesResponse) error {
			received()
			if m.GetEventsIncomplete() {
				fmt.Fprintf(cmd.ErrOrStderr(), "dynlb: some events of app %s are missing; 'dynlb events' may have them\n", app)
			}
			events := slices.DeleteFunc(m.GetEvents(), func(e *dynlbv1.Event) bool {
				resume[app] = max(resume[app], e.GetSequence())
				return !asksFor(request, e)
			})
			return printEvents(cmd, events, output)
		})
	})
}

// asksFor reports whether an event is of an instance and a kind that a request asks for.
func asksFor(request *dynlbv1.ListEventsRequest, e *dynlbv1.Event) bool {
	return strings.HasPrefix(e.GetInstanceId(), request.GetInstanceId()) &&
		(len(request.GetTypes()) == 0 || slices.Contains(request.GetTypes(), e.GetType()))
}

// watchAll watches apps, each from the event with the number that resume returns on, and
// calls show with each message, one at a time. It returns the first error.
func (r *remote) watchAll(ctx context.Context, names []string, resume func(app string) uint64, show func(app string, m *dynlbv1.WatchInstancesResponse) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex // is held by show
	failures := make(chan error, len(names))
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	for _, name := range names {
		request := &dynlbv1.WatchInstancesRequest{App: name, ResumeAfter: resume(name)}
		watching.Go(func() { // ends with ctx
			stream, err := r.WatchInstances(ctx, request)
			for err == nil {
				var m *dynlbv1.WatchInstancesResponse
				if m, err = stream.Recv(); err == nil {
					mu.Lock()
					err = show(name, m)
					mu.Unlock()
				}
			}
			failures <- err
		})
	}
	return <-failures
}
