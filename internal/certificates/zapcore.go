package certificates

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap/zapcore"
)

// repeatInterval is the minimum time between two warnings of certmagic with the same text.
const repeatInterval = 10 * time.Minute

// reported are the texts of certmagic whose content the log has already, with the remedy.
var reported = map[string]bool{
	"could not get certificate from issuer": true, "job failed": true, "will retry": true,
	"final attempt; giving up": true, "challenge failed": true, "validating authorization": true,
	"HTTP request failed; retrying": true, "deactivating authorization": true, "ACME account does not exist on server; attempting to recreate": true,
}

// zapCore writes what certmagic logs to a slog.Logger. Its lines about the course of an
// issuance, about 15 a certificate, have level debug.
type zapCore struct {
	log    *slog.Logger
	fields []zapcore.Field
	last   *lastLines // shared by all that With has returned
}

func newZapCore(log *slog.Logger) *zapCore {
	return &zapCore{log: log, last: &lastLines{times: map[string]time.Time{}}}
}

// lastLines has the times of warnings, by text.
type lastLines struct {
	mu    sync.Mutex
	times map[string]time.Time
}

// Enabled implements zapcore.LevelEnabler.
func (c *zapCore) Enabled(level zapcore.Level) bool {
	return level >= zapcore.WarnLevel || level > zapcore.DebugLevel && c.log.Enabled(context.Background(), slog.LevelDebug)
}

// With implements zapcore.Core.
func (c *zapCore) With(fields []zapcore.Field) zapcore.Core {
	return &zapCore{log: c.log, last: c.last, fields: append(slices.Clip(c.fields), fields...)}
}

// Check implements zapcore.Core.
func (c *zapCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// Write implements zapcore.Core.
func (c *zapCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	level := slog.LevelDebug
	if entry.Level >= zapcore.WarnLevel && !reported[entry.Message] && c.last.due(entry.Message, entry.Time) {
		level = slog.LevelWarn
	}
	encoder := zapcore.NewMapObjectEncoder()
	for _, f := range append(slices.Clip(c.fields), fields...) {
		f.AddTo(encoder)
	}
	attributes := make([]any, 0, len(encoder.Fields))
	for key, value := range encoder.Fields {
		attributes = append(attributes, slog.Any(key, value))
	}
	c.log.Log(context.Background(), level, "certmagic: "+entry.Message, attributes...)
	return nil
}

// Sync implements zapcore.Core.
func (c *zapCore) Sync() error { return nil }

// due reports whether a text was not written for repeatInterval. The texts are those in
// certmagic's source: there is a bounded number.
func (l *lastLines) due(text string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, ok := l.times[text]; ok && now.Sub(last) < repeatInterval {
		return false
	}
	l.times[text] = now
	return true
}
