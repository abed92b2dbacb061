package cli

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/logging"
	"github.com/dynlb/dynlb/server"
)

func newLogs(o *options) *cobra.Command {
	var output, since string
	request := &dynlbv1.StreamLogsRequest{}
	tail := int32(100)
	cmd := &cobra.Command{
		Use:   "logs [APP]",
		Short: "Show what the instances print",
		Long: `Show what the instances have printed, also those that have ended: the last 100 lines of
all apps, or of APP. Each line begins with its time and instance; "!" marks standard error.`,
		Example: `  dynlb logs -f
  dynlb logs web --since 2h --grep 'error|timeout'
  dynlb logs --instance 3f2a --tail 1000`,
		Args:              oneApp,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := checkOutput(output, outputLines, outputJSON); err != nil {
				return err
			}
			if request.Since, err = parseSince(since, time.Now()); err != nil {
				return err
			}
			if tail < 0 || tail > server.MaxTail {
				return usageError{fmt.Errorf("--tail (-n) %d is outside [0, %d]", tail, server.MaxTail)}
			}
			if cmd.Flags().Changed("tail") {
				request.Tail = &tail
			}
			if request.App, err = o.appOf(args); err != nil {
				return err
			}
			return streamLogs(cmd, o, request, output)
		},
	}
	clientFlags(cmd, o)
	outputFlag(cmd, &output, outputLines, outputJSON)
	cmd.Flags().BoolVarP(&request.Follow, "follow", "f", false, "go on with what the instances print from now on")
	cmd.Flags().StringVar(&request.InstanceId, "instance", "", "only of this instance: the first characters of its id are enough")
	cmd.Flags().StringVar(&since, "since", "", sinceHelp)
	cmd.Flags().StringVar(&request.Grep, "grep", "", "only lines that match this regular expression (RE2)")
	cmd.Flags().StringVar(&request.Stream, "stream", "", "only stdout or stderr")
	cmd.Flags().Int32VarP(&tail, "tail", "n", tail, "how many lines of the past at most (10000 with --since)")
	return cmd
}

// streamLogs prints lines until there are no more, or an interrupt.
func streamLogs(cmd *cobra.Command, o *options, request *dynlbv1.StreamLogsRequest, output string) error {
	r, err := dial(cmd.Context(), o)
	if err != nil {
		return err
	}
	defer r.close()
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	stream, err := r.StreamLogs(ctx, request)
	if err != nil {
		return r.explain(cmd.Context(), err)
	}
	out := cmd.OutOrStdout()
	p := logPrinter{out: out, colours: logging.Colours(underlying(out)), json: output == outputJSON, withApp: request.GetApp() == ""}
	for {
		message, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case ctx.Err() != nil:
			return nil // interrupted: that is how following ends
		case err != nil:
			return r.explain(cmd.Context(), err)
		}
		if err := p.print(message); err != nil {
			return err
		}
	}
}

// logPrinter prints lines of instances.
type logPrinter struct {
	out                    io.Writer
	colours, json, withApp bool
}

func (p logPrinter) print(m *dynlbv1.StreamLogsResponse) error {
	if n := m.GetLinesDropped(); n > 0 && !p.json {
		if _, err := fmt.Fprintf(p.out, "... %d lines are missing: they were not read fast enough\n", n); err != nil {
			return err
		}
	}
	now := time.Now()
	for _, l := range m.GetLines() {
		if p.json {
			if err := printJSON(p.out, l); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintln(p.out, p.line(l, now)); err != nil {
			return err
		}
	}
	return nil
}

// instanceColours are those of instances, apart from red and the colours that are hard to
// read on light or dark.
var instanceColours = []string{"\x1b[36m", "\x1b[32m", "\x1b[35m", "\x1b[34m", "\x1b[33m", "\x1b[96m", "\x1b[92m", "\x1b[95m"}

// line returns a line with its prefix: time, app, instance, and a mark of the stream.
func (p logPrinter) line(l *dynlbv1.LogLine, now time.Time) string {
	name, mark := shortID(l.GetInstanceId()), "|"
	if p.withApp && l.GetApp() != "default" {
		name = l.GetApp() + "/" + name
	}
	if l.GetStream() == "stderr" {
		mark = "!"
	}
	prefix, text := stamp(l.GetTime().AsTime(), now)+" "+name+" "+mark, printable(l.GetText())
	if !p.colours {
		return prefix + " " + text
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(l.GetInstanceId())) // it does not fail
	prefix = instanceColours[hash.Sum32()%uint32(len(instanceColours))] + prefix + plain
	if l.GetLevel() == "error" {
		text = red + text + plain
	}
	return prefix + " " + text
}
