package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/logging"
	"github.com/dynlb/dynlb/server"
)

func newWatch(o *options) *cobra.Command {
	var output string
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Follow the instances",
		Long: `Follow the instances: a table that redraws in place on a terminal; otherwise a
line for each event and each change. -o json prints each message of
WatchInstances on a line of its own.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if !cmd.Flags().Changed("output") && !logging.IsTerminal(beneath(out)) {
				output = outputLines
			}
			if err := checkOutput(output, outputTable, outputLines, outputJSON); err != nil {
				return err
			}
			if err := given(cmd, "interval", interval > 0); err != nil {
				return err
			}
			r, err := dial(cmd.Context(), o)
			if err != nil {
				return err
			}
			defer r.close()
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			request := &dynlbv1.WatchInstancesRequest{}
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
				return nil // somebody has seen enough
			case errors.Is(err, errWatchEnded):
				return err
			default:
				return r.explain(cmd.Context(), err)
			}
		},
	}
	clientFlags(cmd, o)
	outputFlag(cmd, &output, outputTable, outputLines, outputJSON)
	cmd.Flags().DurationVar(&interval, "interval", 0, "least time between two updates (default 250ms)")
	return cmd
}

// errWatchEnded says that a watch that had begun came to its end.
var errWatchEnded = errors.New("the watch has ended")

// redrawing is how often a screen is shown the last message again when there is
// no new one: ages and holds move on by the second.
const redrawing = time.Second

// screen shows the messages of a watch.
type screen interface {
	show(*dynlbv1.WatchInstancesResponse) error
	// redraw shows the last message again, where that makes sense.
	redraw() error
}

// follow shows each message until the stream ends, and returns why it did.
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
	tick := time.NewTicker(redrawing)
	defer tick.Stop()
	for begun := false; ; {
		var err error
		select {
		case message := <-messages:
			begun = true
			err = screen.show(message)
		case <-tick.C:
			err = screen.redraw()
		case err = <-ended:
			if begun {
				err = fmt.Errorf("%w: %s", errWatchEnded, status.Convert(err).Message())
			}
		}
		if err != nil {
			return err
		}
	}
}

// newScreen returns what shows the messages of a watch on out.
func newScreen(out io.Writer, output string) screen {
	switch output {
	case outputJSON:
		return lines{out: out, text: func(m *dynlbv1.WatchInstancesResponse) (string, error) {
			data, err := server.MarshalJSON(m)
			return string(data) + "\n", err
		}}
	case outputLines:
		return lines{out: out, text: news()}
	default:
		return &table{out: out}
	}
}

// lines writes lines for each message, and never redraws.
type lines struct {
	out  io.Writer
	text func(*dynlbv1.WatchInstancesResponse) (string, error)
}

func (l lines) redraw() error { return nil }

func (l lines) show(m *dynlbv1.WatchInstancesResponse) error {
	text, err := l.text(m)
	if err == nil {
		_, err = io.WriteString(l.out, text)
	}
	return err
}

// news returns what makes a line of each event, and one of the state when it is
// not as it was.
func news() func(*dynlbv1.WatchInstancesResponse) (string, error) {
	last := ""
	return func(m *dynlbv1.WatchInstancesResponse) (string, error) {
		var b strings.Builder
		for _, e := range m.GetEvents() {
			fmt.Fprintf(&b, "%s %s\n", clock(e.GetTime().AsTime()), eventText(e))
		}
		if now := summary(m.GetPool()); now != last {
			last = now
			fmt.Fprintf(&b, "%s %s\n", clock(time.Now()), now)
		}
		return b.String(), nil
	}
}

// clock is the time of day here.
func clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }

// recentEvents is how many events stand below the table.
const recentEvents = 8

// table redraws the state in place.
type table struct {
	out    io.Writer
	drawn  int           // lines on the screen
	pool   *dynlbv1.Pool // the last one; nil before the first
	recent []*dynlbv1.Event
}

func (t *table) show(m *dynlbv1.WatchInstancesResponse) error {
	t.pool = m.GetPool()
	t.recent = append(t.recent, m.GetEvents()...)
	t.recent = t.recent[max(0, len(t.recent)-recentEvents):]
	return t.redraw()
}

func (t *table) redraw() error {
	if t.pool == nil {
		return nil
	}
	v := view{colours: logging.Colours(beneath(t.out))}
	height := 0
	if f, ok := beneath(t.out).(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil {
			v.width, height = w, h
		}
	}
	var text bytes.Buffer
	v.pool(&text, t.pool)
	if len(t.recent) > 0 {
		v.line(&text, "", "")
	}
	for _, e := range t.recent {
		v.line(&text, clock(e.GetTime().AsTime())+" "+eventText(e), "")
	}
	body := clip(text.Bytes(), height)

	var frame bytes.Buffer
	if t.drawn > 0 {
		fmt.Fprintf(&frame, "\x1b[%dF", t.drawn) // up, to the first column
	}
	frame.WriteString("\x1b[J") // and clear what is below
	frame.Write(body)
	t.drawn = bytes.Count(body, []byte("\n"))
	_, err := t.out.Write(frame.Bytes())
	return err
}

// clip leaves the lines that a screen of the given height has room for; the
// last row is the cursor's.
func clip(text []byte, height int) []byte {
	if height < 2 {
		return text
	}
	end := 0
	for range height - 1 {
		n := bytes.IndexByte(text[end:], '\n')
		if n < 0 {
			return text
		}
		end += n + 1
	}
	return text[:end]
}
