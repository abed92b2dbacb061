package cli

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/logging"
	"github.com/dynlb/dynlb/internal/terminal"
	"github.com/dynlb/dynlb/server"
)

func newLogs(o *options) *cobra.Command {
	var output, since string
	request := &dynlbv1.StreamLogsRequest{}
	var off bool
	tail := int32(100)
	cmd := &cobra.Command{
		Use:   "logs [APP]",
		Short: "Show what the instances print",
		Long: `Show what the instances have printed, also those that have ended: the last 100 lines of
all apps, or of APP. Each line begins with its time and instance; "!" marks standard error.
With --follow the command waits for the next dynlb when dynlb ends, and goes on there.`,
		Example: `  dynlb logs -f
  dynlb logs web --since 2h --grep 'error|timeout'
  dynlb logs --instance 3f2a --tail 1000`,
		Args:              oneApp,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := checkOutput(output, outputLines, outputJSON); err != nil {
				return err
			}
			if _, err := regexp.Compile(request.GetGrep()); err != nil {
				return usageError{fmt.Errorf("--grep %q: %s", request.GetGrep(), strings.TrimPrefix(err.Error(), "error parsing regexp: "))}
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
			return streamLogs(cmd, o, request, output, off)
		},
	}
	clientFlags(cmd, o)
	reconnectFlag(cmd, &off)
	outputFlag(cmd, &output, outputLines, outputJSON)
	cmd.Flags().BoolVarP(&request.Follow, "follow", "f", false, "go on with what the instances print from now on")
	instanceFlag(cmd, &request.InstanceId)
	cmd.Flags().StringVar(&since, "since", "", sinceHelp)
	cmd.Flags().StringVar(&request.Grep, "grep", "", "only lines that match this regular expression (RE2)")
	cmd.Flags().StringVar(&request.Stream, "stream", "", "only stdout or stderr")
	cmd.Flags().Int32VarP(&tail, "tail", "n", tail, "how many lines of the past at most (10000 with --since)")
	return cmd
}

// streamLogs prints lines until there are no more, or an interrupt.
func streamLogs(cmd *cobra.Command, o *options, request *dynlbv1.StreamLogsRequest, output string, off bool) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	out := cmd.OutOrStdout()
	p := logPrinter{out: out, colours: logging.Colours(underlying(out)), json: output == outputJSON, withApp: request.GetApp() == ""}
	var place logPlace
	f := follower{options: o, off: off || !request.GetFollow(), tell: tellOn(cmd.ErrOrStderr())}
	return f.run(ctx, func(ctx context.Context, r *remote, received func()) error {
		stream, err := r.StreamLogs(ctx, place.resume(request))
		if err != nil {
			return err
		}
		for {
			message, err := stream.Recv()
			switch {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			}
			received()
			message.Lines = place.pass(message.GetLines())
			if err := p.print(message); err != nil {
				return err
			}
		}
	})
}

// logPlace is how far logs were read: up to a time, and how many lines of that time. Lines
// have no number, and several may have the same time.
type logPlace struct {
	time time.Time
	seen int // lines of that time
	skip int // lines of it that come again after a resume
}

// resume returns a request that goes on from here.
func (l *logPlace) resume(request *dynlbv1.StreamLogsRequest) *dynlbv1.StreamLogsRequest {
	if l.time.IsZero() {
		return request
	}
	l.skip = l.seen
	next := proto.CloneOf(request)
	next.Since, next.Tail = timestamppb.New(l.time), proto.Int32(server.MaxTail)
	return next
}

// pass returns the lines that were not read yet, and goes on to behind them.
func (l *logPlace) pass(lines []*dynlbv1.LogLine) (fresh []*dynlbv1.LogLine) {
	for _, line := range lines {
		at := line.GetTime().AsTime()
		switch {
		case at.Equal(l.time) && l.skip > 0:
			l.skip--
			continue
		case at.Equal(l.time):
			l.seen++
		case at.After(l.time):
			l.time, l.seen, l.skip = at, 1, 0
		}
		fresh = append(fresh, line)
	}
	return fresh
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
	name, mark := terminal.ShortID(l.GetInstanceId()), "|"
	if p.withApp && l.GetApp() != "default" {
		name = l.GetApp() + "/" + name
	}
	if l.GetStream() == "stderr" {
		mark = "!"
	}
	prefix, text := stamp(l.GetTime().AsTime(), now)+" "+name+" "+mark, terminal.Printable(l.GetText())
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
