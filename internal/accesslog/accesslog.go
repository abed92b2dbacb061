// Package accesslog writes one line for each request. A line is made where the outcome
// of the request is recorded, and written by a goroutine of the log: a slow disk delays
// no request. Lines that find no room are dropped and counted.
package accesslog

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/logging"
	"github.com/dynlb/dynlb/proxy/outcome"
)

// Stdout is the Settings.To that stands for standard output.
const Stdout = "stdout"

// Settings say what is logged, and where.
type Settings struct {
	// To is the path of a file, or Stdout. Empty: there is no log.
	To string
	// Format is JSON or Combined.
	Format Format
	// Query has the query of a request logged with its path. It may hold secrets.
	Query bool
	// MaxSize is the size in bytes at which a file is rotated, in whole MiB, and Keep
	// the number of rotated files that are kept. Zero Keep: all.
	MaxSize int64
	Keep    int
}

// Log is an access log. Create one with Open. All methods are safe for concurrent use.
type Log struct {
	settings Settings
	*sink
}

// sink is where the lines go, of one form or of several.
type sink struct {
	lines   *logging.Lines
	file    *file     // nil for standard output
	buffers sync.Pool // of *[]byte, for a line
}

// Open opens the log. stdout is standard output. Call Close at the end. What cannot be
// written is logged to log, which is not the access log.
func Open(settings Settings, stdout io.Writer, log *slog.Logger) (*Log, error) {
	l := &Log{settings, new(sink)}
	l.buffers.New = func() any { return new([]byte) }
	to := stdout
	if settings.To != Stdout {
		if err := writable(settings.To); err != nil {
			return nil, fmt.Errorf("open access log: %w", err)
		}
		l.file = newFile(&settings)
		to = l.file
	}
	l.lines = logging.NewLines(&reporting{Writer: to, log: log}, func(n int) {
		log.Warn("access log lines dropped: it is not written fast enough", "droppedLines", n)
	})
	return l, nil
}

// writable returns an error if the file at path cannot be appended to. It creates the
// file: the rotation would create it later, and the folder with it.
func writable(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() { // a pipe would block, and cannot be rotated
		return &os.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640) //nolint:gosec // the group of the log reads it, as of other logs
	if err != nil {
		return err
	}
	return f.Close()
}

// In returns a log with lines of another form in the same file. It lives as long as l,
// and is not to be closed.
func (l *Log) In(format Format, query bool) *Log {
	other := &Log{l.settings, l.sink}
	other.settings.Format, other.settings.Query = format, query
	return other
}

// Settings returns the settings of the log.
func (l *Log) Settings() Settings { return l.settings }

// Dropped returns how many lines were dropped.
func (l *Log) Dropped() uint64 { return l.lines.Dropped() }

// Record writes the line of a request. It does not block.
func (l *Log) Record(o *outcome.Outcome) {
	b := l.buffers.Get().(*[]byte)
	*b = l.settings.append((*b)[:0], o, time.Now())
	_, _ = l.lines.Write(*b) // it does not fail
	l.buffers.Put(b)
}

// Close writes what is left, for a second at most, and closes the file.
func (l *Log) Close() error {
	l.lines.Close()
	if l.file == nil {
		return nil
	}
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("close access log %s: %w", filepath.Base(l.settings.To), err)
	}
	return nil
}

// Reopen has the lines from now on written to the file at the path of the log, which may be
// another one than so far: another program has renamed that.
func (l *Log) Reopen() error {
	if l.file == nil {
		return nil
	}
	if err := l.file.reopen(); err != nil {
		return fmt.Errorf("reopen access log: %w", err)
	}
	return nil
}

// reporting logs when writing begins to fail, once, and when it works again.
type reporting struct {
	io.Writer
	log    *slog.Logger
	failed bool
}

// Write writes lines.
func (r *reporting) Write(b []byte) (int, error) {
	n, err := r.Writer.Write(b)
	switch {
	case err != nil && !r.failed:
		r.log.Error("write access log failed", "error", err)
	case err == nil && r.failed:
		r.log.Info("access log is written again")
	}
	r.failed = err != nil
	return n, err
}
