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

// followEvents prints the events after a number that a request asks for, until an
// interrupt.
func followEvents(cmd *cobra.Command, o *options, request *dynlbv1.ListEventsRequest, output string, after uint64, off bool) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	resume := resumption{start: after}
	tell := tellOn(cmd.ErrOrStderr())
	f := follower{options: o, off: off, reached: true, tell: func(lost bool, reason string) {
		resume.connection(lost)
		tell(lost, reason)
	}}
	return f.run(ctx, func(ctx context.Context, r *remote, received func()) error {
		names, err := r.appNames(ctx, request.GetApp())
		if err != nil {
			return err
		}
		return r.watchAll(ctx, names, &resume, func(app string, m *dynlbv1.WatchInstancesResponse) error {
			received()
			if m.GetEventsIncomplete() {
				fmt.Fprintf(cmd.ErrOrStderr(), "dynlb: some events of app %s are missing; 'dynlb events' may have them\n", app)
			}
			events := slices.DeleteFunc(m.GetEvents(), func(e *dynlbv1.Event) bool { return !asksFor(request, e) })
			return printEvents(cmd, events, output)
		})
	})
}

// asksFor reports whether an event is of an instance and a kind that a request asks for.
func asksFor(request *dynlbv1.ListEventsRequest, e *dynlbv1.Event) bool {
	return strings.HasPrefix(e.GetInstanceId(), request.GetInstanceId()) &&
		(len(request.GetTypes()) == 0 || slices.Contains(request.GetTypes(), e.GetType()))
}

// watchAll watches apps, each from where it resumes, and calls show with each message, one
// at a time. It returns the first error.
func (r *remote) watchAll(ctx context.Context, names []string, resume *resumption, show func(app string, m *dynlbv1.WatchInstancesResponse) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex // guards resume, and is held by show
	failures := make(chan error, len(names))
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	for _, name := range names {
		mu.Lock() // the watches before this one have begun
		request := &dynlbv1.WatchInstancesRequest{App: name, ResumeAfter: resume.after(name)}
		mu.Unlock()
		watching.Go(func() { // ends with ctx
			stream, err := r.WatchInstances(ctx, request)
			for err == nil {
				var m *dynlbv1.WatchInstancesResponse
				if m, err = stream.Recv(); err == nil {
					mu.Lock()
					resume.note(name, m) // show may change the events
					err = show(name, m)
					mu.Unlock()
				}
			}
			failures <- err
		})
	}
	return <-failures
}
