package main

import (
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"
)

// logs are what serve writes: one line of JSON per entry, or for people on a
// terminal something they like to read.
type logs struct {
	own       *slog.Logger // of dynlb; never blocks
	instances *slog.Logger // what they print; blocks while nobody reads
	sink      *sink
}

// newLogs returns logs of the given level that go to w. Call close at the end.
func newLogs(w io.Writer, level slog.Level) *logs {
	s := newSink(w)
	logger := func(to io.Writer) *slog.Logger {
		if !isTerminal(w) {
			return slog.New(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: level, ReplaceAttr: readable}))
		}
		return slog.New(tint.NewTextHandler(to, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !colours(w)}))
	}
	l := &logs{own: logger(s), instances: logger(s.patient()), sink: s}
	s.report = func(dropped int) { l.own.Warn("log was not read in time", "droppedLines", dropped) }
	return l
}

// close waits until what was logged is read, or a moment.
func (l *logs) close() { l.sink.close() }

// readable writes durations as "1m30s" rather than as nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		return slog.String(a.Key, a.Value.Duration().String())
	}
	return a
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colours reports whether w shows colours: on a terminal, unless NO_COLOR is set
// to anything (https://no-color.org) or the terminal says it is dumb.
func colours(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
