// Package logging is the log of dynlb: its formats, and a sink that a reader who does
// not read cannot block.
package logging

import (
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"
)

// Logs are what serve writes: one line of JSON per entry, or for people on a
// terminal something they like to read.
type Logs struct {
	Own       *slog.Logger // of dynlb; never blocks
	Instances *slog.Logger // what they print; blocks while nobody reads
	sink      *sink
}

// New returns logs of the given level that go to w. Call Close at the end.
func New(w io.Writer, level slog.Level) *Logs {
	s := newSink(w)
	logger := func(to io.Writer) *slog.Logger {
		if !IsTerminal(w) {
			return slog.New(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: level, ReplaceAttr: readable}))
		}
		return slog.New(tint.NewTextHandler(to, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !Colours(w)}))
	}
	l := &Logs{Own: logger(s), Instances: logger(s.patient()), sink: s}
	s.report = func(dropped int) { l.Own.Warn("log was not read in time", "droppedLines", dropped) }
	return l
}

// Close waits until what was logged is read, or a moment.
func (l *Logs) Close() { l.sink.close() }

// readable writes durations as "1m30s" rather than as nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		return slog.String(a.Key, a.Value.Duration().String())
	}
	return a
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Colours reports whether w shows colours: on a terminal, unless NO_COLOR is set
// to anything (https://no-color.org) or the terminal says it is dumb.
func Colours(w io.Writer) bool {
	return IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
