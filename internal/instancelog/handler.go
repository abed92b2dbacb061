package instancelog

import (
	"context"
	"log/slog"
	"time"
)

// Handler is the handler of the log of instances: it keeps each line in a Store, and
// passes it on. A line that is a JSON object is passed on with its own level and message.
type Handler struct {
	store         *Store
	next          slog.Handler // nil: lines are not passed on
	app, instance string
}

// NewHandler returns a Handler. Lines are kept in store, and passed on to next unless that
// is nil.
func NewHandler(store *Store, next slog.Handler) *Handler { return &Handler{store: store, next: next} }

// Enabled reports true: a line is kept whatever its level.
func (h *Handler) Enabled(context.Context, slog.Level) bool { return true }

// Handle keeps the line and passes it on. It fails if the line reaches neither: the Store
// logs itself that it cannot keep lines.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	stream := ""
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "stream" {
			stream = a.Value.String()
		}
		return true
	})
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	err := h.store.Write(Line{Time: at, App: h.app, Instance: h.instance, Stream: stream, Text: r.Message})
	if h.next == nil {
		return err
	}
	s, ok := Parse(r.Message)
	level := r.Level
	if ok && s.HasLevel {
		level = s.Level
	}
	if !h.next.Enabled(ctx, slog.LevelInfo) && !h.next.Enabled(ctx, level) {
		return nil
	}
	if ok {
		out := slog.NewRecord(r.Time, level, s.Message, 0)
		r.Attrs(func(a slog.Attr) bool { out.AddAttrs(a); return true })
		if s.Fields != "" {
			out.AddAttrs(slog.Any("fields", object(s.Fields)))
		}
		r = out
	}
	return h.next.Handle(ctx, r)
}

// object is a JSON object in a log: itself in one of JSON, its text otherwise.
type object string

// MarshalJSON returns the object.
func (o object) MarshalJSON() ([]byte, error) { return []byte(o), nil }

// MarshalText returns the text.
func (o object) MarshalText() ([]byte, error) { return []byte(o), nil }

// String returns the text.
func (o object) String() string { return string(o) }

// WithAttrs returns a Handler for the lines of the app and the instance in attrs.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *h
	for _, a := range attrs {
		switch a.Key {
		case "app":
			out.app = a.Value.String()
		case "instance":
			out.instance = a.Value.String()
		}
	}
	if h.next != nil {
		out.next = h.next.WithAttrs(attrs)
	}
	return &out
}

// WithGroup returns a Handler that passes lines on in a group.
func (h *Handler) WithGroup(name string) slog.Handler {
	out := *h
	if h.next != nil {
		out.next = h.next.WithGroup(name)
	}
	return &out
}
