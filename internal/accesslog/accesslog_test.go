package accesslog

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dynlb/dynlb/proxy/outcome"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens a log, and returns what it logs of itself, too.
func open(t *testing.T, s Settings, stdout io.Writer) (*Log, *bytes.Buffer) {
	t.Helper()
	own := new(bytes.Buffer)
	l, err := Open(s, stdout, slog.New(slog.NewTextHandler(own, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return l, own
}

// TestStdout: the lines go to standard output, which Close leaves open.
func TestStdout(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l, _ := open(t, Settings{To: Stdout, Format: JSON}, &out)
	for range 3 {
		l.Record(&outcome.Outcome{Code: 200})
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("%d lines, want 3: %s", n, out.String())
	}
}

// TestFile: a file is appended to, rotated at its size, and not more than so many
// rotated files are kept.
func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(path, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Settings{To: path, Format: Combined, MaxSize: 1 << 20, Keep: 2}
	agent := bytes.Repeat([]byte("x"), 1000)
	for range 6 { // logs, so that no line is dropped, of 700 kB each
		l, own := open(t, s, nil)
		for range 700 {
			l.Record(&outcome.Outcome{Code: 200, Request: &outcome.Request{UserAgent: agent}})
		}
		if err := l.Close(); err != nil || own.Len() > 0 || l.Dropped() > 0 {
			t.Fatalf("close: %v, %d dropped, log: %s", err, l.Dropped(), own)
		}
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(files) != 3 {
		t.Errorf("files %q, want 3", files)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Size() > 1<<20 {
			t.Errorf("%s: %v, %v", f, info.Size(), err)
		}
	}
}

// TestIn: a file may have lines of several forms.
func TestIn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l, _ := open(t, Settings{To: Stdout}, &out)
	o := &outcome.Outcome{Code: 200, Method: []byte("GET"), Route: []byte("/a"), Request: &outcome.Request{Minor: 1, Query: []byte("?b")}}
	l.In(Combined, true).Record(o)
	l.In(JSON, false).Record(o)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], `"GET /a?b HTTP/1.1" 200 `) || !strings.Contains(lines[1], `"path":"/a","protocol"`) {
		t.Errorf("got %q", lines)
	}
}

// TestReopen: after another program has renamed the file, as logrotate does, lines go to a
// new one, which is there at once.
func TestReopen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	l, own := open(t, Settings{To: path, Format: Combined, MaxSize: 1 << 20}, nil)
	written := func(path string, lines int) {
		t.Helper()
		for range 4000 { // the lines are written by another goroutine
			if data, err := os.ReadFile(path); err == nil && bytes.Count(data, []byte("\n")) == lines {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Errorf("%s has not %d lines", path, lines)
	}
	l.Record(&outcome.Outcome{Code: 200})
	written(path, 1)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	l.Record(&outcome.Outcome{Code: 200})
	written(path+".1", 2)
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	written(path, 0)
	l.Record(&outcome.Outcome{Code: 200})
	if err := l.Close(); err != nil || own.Len() > 0 {
		t.Errorf("close: %v, log: %s", err, own)
	}
	written(path, 1)
	written(path+".1", 2)
	if files, _ := filepath.Glob(path + "*"); len(files) != 2 {
		t.Errorf("files %q", files)
	}
}

// TestNotWritable: a folder, a pipe or a missing folder is an error of Open.
func TestNotWritable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "none", "access.log"), "/dev/null"} {
		if l, err := Open(Settings{To: path}, nil, slog.Default()); err == nil {
			_ = l.Close()
			t.Errorf("%s is accepted", path)
		}
	}
}

// stuck is a writer that takes nothing until it is released.
type stuck struct {
	began, released chan struct{}
	once            sync.Once
}

func (s *stuck) Write(b []byte) (int, error) {
	s.once.Do(func() { close(s.began) })
	<-s.released
	return len(b), nil
}

// TestSlowDisk: Record does not block, memory is bounded, and dropped lines are counted
// at once and logged later.
func TestSlowDisk(t *testing.T) {
	t.Parallel()
	w := &stuck{began: make(chan struct{}), released: make(chan struct{})}
	l, own := open(t, Settings{To: Stdout, Format: JSON}, w)
	l.Record(&outcome.Outcome{})
	<-w.began
	o := &outcome.Outcome{Route: bytes.Repeat([]byte("/"), 1000)}
	for range 3000 {
		l.Record(o)
	}
	if n := l.Dropped(); n < 1500 || n > 2500 {
		t.Errorf("%d lines dropped, want all that 1 MiB has no room for", n)
	}
	close(w.released)
	before := l.Dropped()
	if err := l.Close(); err != nil || l.Dropped() != before {
		t.Errorf("close: %v, %d dropped afterwards, want %d", err, l.Dropped(), before)
	}
	if !strings.Contains(own.String(), "access log lines dropped") {
		t.Errorf("log: %s", own)
	}
	l.Record(o)
	if l.Dropped() != before+1 {
		t.Error("a line after Close does not count as dropped")
	}
}

// failing is a writer that fails while it is full.
type failing struct{ full bool }

func (f *failing) Write(b []byte) (int, error) {
	if f.full {
		return 0, os.ErrClosed
	}
	return len(b), nil
}

// TestWriteFails: a failure is logged once, and its end.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	var own bytes.Buffer
	f := &failing{full: true}
	r := &reporting{Writer: f, log: slog.New(slog.NewTextHandler(&own, nil))}
	for range 3 {
		_, _ = r.Write([]byte("x"))
	}
	f.full = false
	for range 3 {
		_, _ = r.Write([]byte("x"))
	}
	if text := own.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "failed") || !strings.Contains(text, "again") {
		t.Errorf("log: %s", text)
	}
}

// BenchmarkRecord measures what the event loop does for one line.
func BenchmarkRecord(b *testing.B) {
	for _, format := range []Format{JSON, Combined} {
		b.Run(string(format), func(b *testing.B) {
			l, err := Open(Settings{To: Stdout, Format: format}, io.Discard, slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			o := described()
			b.ReportAllocs()
			for b.Loop() {
				l.Record(o)
			}
		})
	}
}
