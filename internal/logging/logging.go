// Package logging is the log of dynlb: its two formats, and a sink that keeps dynlb
// running when the log is not read.
package logging

import (
	"io"
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
)

// Logs are the two logs of `dynlb serve`. They go to one writer: as one line of JSON
// per entry, or in a format for people if it is a terminal.
type Logs struct {
	Own       *slog.Logger // dynlb's own entries; never blocks
	Instances *slog.Logger // the output of instances; blocks for a while when the log is not read, and its handler fails for a dropped line
	sink      *sink
}

// New returns logs of the given level that go to w. Call Close at the end.
func New(w io.Writer, level slog.Level) *Logs {
	s := newSink(w)
	logger := func(to io.Writer) *slog.Logger {
		if !IsTerminal(w) {
			return slog.New(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: level, ReplaceAttr: readableDurations}))
		}
		return slog.New(tint.NewTextHandler(to, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !Colours(w)}))
	}
	l := &Logs{Own: logger(s), Instances: logger(blockingSink{s}), sink: s}
	s.report = func(dropped int) {
		l.Own.Warn("log lines dropped: the log is not read fast enough", "droppedLines", dropped)
	}
	return l
}

// Close waits until everything logged is written, for flushTimeout at most.
func (l *Logs) Close() { l.sink.close() }

// readableDurations writes durations as "1m30s" rather than as nanoseconds.
func readableDurations(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		return slog.String(a.Key, a.Value.Duration().String())
	}
	return a
}
