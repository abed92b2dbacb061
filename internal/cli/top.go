package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/logging"
	"github.com/dynlb/dynlb/internal/top"
)

// topFlags are the flags of top.
type topFlags struct {
	plain    bool
	number   int
	interval time.Duration
	off      bool
}

func newTop(o *options) *cobra.Command {
	var flags topFlags
	cmd := &cobra.Command{
		Use:     "top [APP]",
		Aliases: []string{"monit", "dash"},
		Short:   "Show the whole state on one screen",
		Long: `Show the state of an app on one screen that follows it: how many instances there are and
why, the load between its thresholds, rates and response times, and a table of the
instances, with their logs and last exits. "?" lists the keys, and "q" quits. When dynlb
ends, top waits for the next one.

Without a terminal, or with --plain, it prints the state as text, once a second or at
--interval, -n times.`,
		Example:           "  dynlb top\n  dynlb top api\n  dynlb top --plain -n 1",
		Args:              oneApp,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(checkPositive(cmd, "interval", flags.interval > 0), checkPositive(cmd, "number", flags.number > 0)); err != nil {
				return err
			}
			app, err := o.appOf(args)
			if err != nil {
				return err
			}
			// A first call, so that its error is one of a command line and not on a screen.
			names, err := call(cmd, o, func(ctx context.Context, r *remote) ([]string, error) { return r.appNames(ctx, "") })
			if err != nil {
				return err
			}
			if app != "" && !slices.Contains(names, app) {
				return usageError{fmt.Errorf("there is no app %q; use %s", app, alternatives(names))}
			}
			out := cmd.OutOrStdout()
			onScreen := logging.IsTerminal(underlying(out)) && logging.IsTerminal(os.Stdin) && os.Getenv("TERM") != "dumb"
			if flags.plain || !onScreen || cmd.Flags().Changed("number") {
				return o.plainTop(cmd, app, &flags)
			}
			return o.screenTop(cmd, app, flags.off)
		},
	}
	clientFlags(cmd, o)
	reconnectFlag(cmd, &flags.off)
	cmd.Flags().BoolVar(&flags.plain, "plain", false, "print text in place of the screen")
	cmd.Flags().IntVarP(&flags.number, "number", "n", 0, "how many times text is printed (default: until interrupted)")
	cmd.Flags().DurationVar(&flags.interval, "interval", time.Second, "time between two prints of text")
	return cmd
}

// title returns what top calls the dynlb.
func (o *options) title(ctx context.Context) string {
	r, err := dial(ctx, o)
	if err != nil {
		return ""
	}
	defer r.close()
	return r.address
}

// screenTop shows the screen until it is quit.
func (o *options) screenTop(cmd *cobra.Command, app string, off bool) error {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	feed := newTopFeed(ctx, o, off)
	defer feed.stop()
	model := top.New(top.Options{Address: o.title(ctx), App: app, Now: time.Now(), Follow: feed.followLog})
	file, ok := underlying(cmd.OutOrStdout()).(*os.File)
	if !ok {
		return errors.New("top needs a terminal; --plain prints text")
	}
	p := tea.NewProgram(fedModel{model, feed}, tea.WithContext(ctx), tea.WithInput(os.Stdin), tea.WithOutput(file))
	feed.start()
	_, err := p.Run()
	switch {
	case model.Err() != nil:
		return model.Err()
	case err == nil, feed.closed.Load(), errors.Is(err, tea.ErrInterrupted), ctx.Err() != nil:
		return nil // quit, or the terminal is gone
	default:
		return fmt.Errorf("show the screen: %w", err)
	}
}

// fedModel is a model that takes messages of a feed.
type fedModel struct {
	*top.Model
	feed *topFeed
}

// Init implements tea.Model.
func (m fedModel) Init() tea.Cmd { return m.feed.next }

// Update implements tea.Model.
func (m fedModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	fed, ok := msg.(fedMessage)
	if ok {
		msg = fed.Msg
	}
	_, cmd := m.Model.Update(msg)
	if ok {
		cmd = tea.Batch(cmd, m.feed.next)
	}
	return m, cmd
}

// plainTop prints text at intervals.
func (o *options) plainTop(cmd *cobra.Command, app string, flags *topFlags) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	feed := newTopFeed(ctx, o, flags.off)
	defer feed.stop()
	model := top.New(top.Options{Address: o.title(ctx), App: app, Now: time.Now()})
	feed.start()
	printed, last := 0, time.Now()
	for {
		var msg tea.Msg
		select {
		case msg = <-feed.messages:
		case <-ctx.Done():
			return nil
		}
		model.Update(msg)
		if err := model.Err(); err != nil {
			return err
		}
		// A tick may come a moment early.
		if tick, ok := msg.(top.Tick); !ok || time.Time(tick).Sub(last) < flags.interval-tickMargin {
			continue
		}
		last = time.Time(msg.(top.Tick))
		if printed > 0 {
			fmt.Fprintln(cmd.OutOrStdout())
		}
		if _, err := io.WriteString(cmd.OutOrStdout(), model.Plain()); err != nil {
			return err
		}
		printed++
		if printed == flags.number {
			return nil
		}
	}
}

// tickMargin is by how much less than an interval may lie between two prints.
const tickMargin = 100 * time.Millisecond
