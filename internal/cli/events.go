package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/terminal"
)

func newEvents(o *options) *cobra.Command {
	var output, since string
	var kinds []string
	var number int
	var following, off bool
	request := &dynlbv1.ListEventsRequest{}
	cmd := &cobra.Command{
		Use:   "events [APP]",
		Short: "Show what happened",
		Long: `Show events of all apps, or of APP, oldest first: changes of the target with their
reasons, starts and ends of instances, exits with the last output, reloads. They are
kept over restarts of dynlb if it has a stateDir. With --follow the command goes on with
what happens from now on, and over restarts of dynlb.`,
		Example: `  dynlb events --since 2h
  dynlb events -f
  dynlb events web --kind scaled,exited`,
		Args:              oneApp,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := checkOutput(output, outputLines, outputJSON); err != nil {
				return err
			}
			if request.Since, err = parseSince(since, time.Now()); err != nil {
				return err
			}
			if request.Types, err = eventTypes(kinds); err != nil {
				return err
			}
			if request.App, err = o.appOf(args); err != nil {
				return err
			}
			if err := checkPositive(cmd, "number", number > 0); err != nil {
				return err
			}
			if cmd.Flags().Changed("since") && !cmd.Flags().Changed("number") {
				number = 1 << 30 // all
			}
			events, err := listEvents(cmd, o, request, number)
			if err != nil {
				return err
			}
			if err := printEvents(cmd, events, output); err != nil || !following {
				return err
			}
			return followEvents(cmd, o, request, output, lastSequence(events), off)
		},
	}
	clientFlags(cmd, o)
	reconnectFlag(cmd, &off)
	cmd.Flags().BoolVarP(&following, "follow", "f", false, "go on with what happens from now on")
	outputFlag(cmd, &output, outputLines, outputJSON)
	instanceFlag(cmd, &request.InstanceId)
	cmd.Flags().StringVar(&since, "since", "", sinceHelp)
	cmd.Flags().StringSliceVar(&kinds, "kind", nil, "only of these kinds, such as scaled,exited")
	cmd.Flags().IntVarP(&number, "number", "n", 50, "how many: the newest ones (all with --since)")
	return cmd
}

// eventTypes returns the kinds of events with these names.
func eventTypes(names []string) (all []dynlbv1.EventType, err error) {
	for _, name := range names {
		value, ok := dynlbv1.EventType_value["EVENT_TYPE_"+strings.ToUpper(strings.NewReplacer("-", "_", " ", "_").Replace(name))]
		if !ok || value == 0 {
			var known []string
			for i := int32(1); i < 100; i++ {
				if n, ok := dynlbv1.EventType_name[i]; ok {
					known = append(known, strings.ToLower(strings.TrimPrefix(n, "EVENT_TYPE_")))
				}
			}
			return nil, usageError{fmt.Errorf("--kind %q: use %s", name, alternatives(known))}
		}
		all = append(all, dynlbv1.EventType(value))
	}
	return all, nil
}

// listEvents returns the newest events, oldest first.
func listEvents(cmd *cobra.Command, o *options, request *dynlbv1.ListEventsRequest, number int) ([]*dynlbv1.Event, error) {
	r, err := dial(cmd.Context(), o)
	if err != nil {
		return nil, err
	}
	defer r.close()
	request.NewestFirst = true
	var all []*dynlbv1.Event
	for len(all) < number {
		request.PageSize = int32(min(1000, number-len(all)))
		ctx, cancel := context.WithTimeout(cmd.Context(), callTimeout)
		page, err := r.ListEvents(ctx, request)
		cancel()
		if err != nil {
			return nil, r.explain(cmd.Context(), err)
		}
		all = append(all, page.GetEvents()...)
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			break
		}
	}
	slices.Reverse(all)
	return all, nil
}

// printEvents prints a line for each event, and the output of exits below them.
func printEvents(cmd *cobra.Command, events []*dynlbv1.Event, output string) error {
	out, now := cmd.OutOrStdout(), time.Now()
	for _, e := range events {
		if output == outputJSON {
			if err := printJSON(out, e); err != nil {
				return err
			}
			continue
		}
		app := ""
		if e.GetApp() != "default" {
			app = e.GetApp() + " "
		}
		if _, err := fmt.Fprintf(out, "%s %s%s\n", stamp(e.GetTime().AsTime(), now), app, eventText(e)); err != nil {
			return err
		}
		lines := e.GetOutput()
		for _, line := range lines[max(0, len(lines)-lastLines):] {
			if _, err := fmt.Fprintf(out, "    %s\n", terminal.Printable(line)); err != nil {
				return err
			}
		}
	}
	return nil
}
