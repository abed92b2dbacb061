package instancelog

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"time"
)

// Line is a line that an instance has printed.
type Line struct {
	Time          time.Time
	App, Instance string
	Stream        string // "stdout" or "stderr"
	Text          string
}

// timeFormat is RFC 3339 with nanoseconds that are all written, so that lines are sorted
// as their texts are.
const timeFormat = "2006-01-02T15:04:05.000000000Z07:00"

// appendLine appends a line as it is in a file: in the format of the logs of Kubernetes
// (CRI), which most collectors read: time, stream, F for a full line, text.
func appendLine(b []byte, l *Line) []byte {
	b = l.Time.UTC().AppendFormat(b, timeFormat)
	b = append(b, ' ')
	b = append(b, l.Stream...)
	b = append(b, " F "...)
	b = append(b, l.Text...)
	return append(b, '\n')
}

// parseLine reads a line of a file, without its end. ok is false if it is not whole.
func parseLine(raw []byte) (l Line, ok bool) {
	when, rest, ok := bytes.Cut(raw, []byte(" "))
	if !ok {
		return Line{}, false
	}
	stream, rest, ok := bytes.Cut(rest, []byte(" F "))
	if !ok {
		return Line{}, false
	}
	at, err := time.Parse(timeFormat, string(when))
	if err != nil {
		return Line{}, false
	}
	return Line{Time: at, Stream: string(stream), Text: string(rest)}, true
}

// Structured is what a line says that is a JSON object, as loggers of most languages
// print them.
type Structured struct {
	Level    slog.Level
	HasLevel bool
	Message  string
	Fields   string // the object without both; "" if nothing is left
}

// The keys of the level and of the message, in the order in which they count: those of
// pino, bunyan, winston, slog, zap, zerolog, logrus, structlog and of Google's logging.
var (
	levelKeys   = []string{"level", "severity", "lvl"}
	messageKeys = []string{"msg", "message", "event"}
)

// Parse returns what a line says. ok is false if it is not a JSON object with a message.
func Parse(text string) (s Structured, ok bool) {
	if len(text) < 2 || text[0] != '{' || text[len(text)-1] != '}' {
		return Structured{}, false
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &fields) != nil {
		return Structured{}, false
	}
	for _, key := range messageKeys {
		var message string
		if raw, found := fields[key]; found && json.Unmarshal(raw, &message) == nil {
			s.Message, ok = message, true
			delete(fields, key)
			break
		}
	}
	if !ok {
		return Structured{}, false
	}
	for _, key := range levelKeys {
		raw, found := fields[key]
		if !found {
			continue
		}
		if s.Level, s.HasLevel = levelOf(raw); s.HasLevel {
			delete(fields, key)
		}
		break
	}
	if len(fields) > 0 {
		if rest, err := json.Marshal(fields); err == nil {
			s.Fields = string(rest)
		}
	}
	return s, true
}

var levels = map[string]slog.Level{
	"trace": slog.LevelDebug, "debug": slog.LevelDebug, "verbose": slog.LevelDebug, "silly": slog.LevelDebug,
	"info": slog.LevelInfo, "information": slog.LevelInfo, "notice": slog.LevelInfo, "http": slog.LevelInfo, "default": slog.LevelInfo,
	"warn": slog.LevelWarn, "warning": slog.LevelWarn,
	"err": slog.LevelError, "error": slog.LevelError, "fatal": slog.LevelError, "panic": slog.LevelError,
	"dpanic": slog.LevelError, "critical": slog.LevelError, "alert": slog.LevelError, "emergency": slog.LevelError,
}

// levelOf returns the level that a value means: a name, or a number of pino and bunyan, in
// which 30 is info.
func levelOf(raw json.RawMessage) (slog.Level, bool) {
	var name string
	if json.Unmarshal(raw, &name) == nil {
		level, ok := levels[strings.ToLower(name)]
		return level, ok
	}
	var number float64
	if json.Unmarshal(raw, &number) != nil {
		return 0, false
	}
	switch {
	case number < 30:
		return slog.LevelDebug, true
	case number < 40:
		return slog.LevelInfo, true
	case number < 50:
		return slog.LevelWarn, true
	default:
		return slog.LevelError, true
	}
}
