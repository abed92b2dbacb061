package server

import (
	"bytes"
	"log/slog"
	"sync"
	"time"
)

// errorLog logs what net/http reports, failed TLS handshakes for example. Anyone can
// cause such lines, so that there is at most one per denialInterval.
type errorLog struct {
	log *slog.Logger

	mu       sync.Mutex // guards the rest
	last     time.Time  // of the last line
	unlogged int        // lines since then
}

// Write logs a line, or counts it.
func (l *errorLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !l.last.IsZero() && now.Sub(l.last) < denialInterval && !bytes.Contains(line, []byte("panic")) {
		l.unlogged++
		return len(line), nil
	}
	l.log.Warn(string(bytes.TrimSpace(line)), "unlogged", l.unlogged)
	l.last, l.unlogged = now, 0
	return len(line), nil
}
