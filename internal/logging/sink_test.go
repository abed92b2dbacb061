package logging

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// buffer is one that is safe for concurrent use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// stuckWriter is a writer that blocks until it is released.
type stuckWriter struct {
	released chan struct{}
	began    chan struct{} // capacity 1: the first write has begun
	got      buffer
}

func newStuckWriter() *stuckWriter {
	return &stuckWriter{released: make(chan struct{}), began: make(chan struct{}, 1)}
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	select {
	case w.began <- struct{}{}:
	default:
	}
	<-w.released
	return w.got.Write(p)
}

// TestLogWithoutAReader: a log that is not read does not block dynlb, keeps the
// lines that fit, and reports afterwards how many were dropped.
func TestLogWithoutAReader(t *testing.T) {
	t.Parallel()
	w := newStuckWriter()
	l := New(w, slog.LevelInfo)
	const lines, size = 3000, 1000
	l.Own.Info("first")
	<-w.began
	for i := range lines {
		l.Own.Info(strings.Repeat("x", size), "n", i)
	}
	close(w.released)
	l.Close()
	got := w.got.String()
	kept := strings.Count(got, strings.Repeat("x", size))
	if kept < sinkSize/size/2 || kept > sinkSize/size {
		t.Errorf("%d lines kept", kept)
	}
	if want := fmt.Sprintf(`"droppedLines":%d`, lines-kept); !strings.Contains(got, want) {
		t.Errorf("the log lacks %s", want)
	}
	for line := range strings.Lines(got) {
		if !strings.HasPrefix(line, "{") || !strings.HasSuffix(line, "}\n") {
			t.Fatalf("a broken line: %.50q", line)
		}
	}
}

// TestInstancesLeaveRoomInTheLog: the output of instances waits while the log is not
// read. So it leaves room for dynlb's own entries, and it stops waiting when the log
// is closed.
func TestInstancesLeaveRoomInTheLog(t *testing.T) {
	t.Parallel()
	w := newStuckWriter()
	l := New(w, slog.LevelInfo)
	l.Own.Info("first")
	<-w.began
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 2 * sinkSize / 1000 {
			l.Instances.Info(strings.Repeat("x", 1000))
		}
	}()
	l.sink.mu.Lock()
	for len(l.sink.buffer) <= sinkSize/2 {
		l.sink.changed.Wait()
	}
	l.sink.mu.Unlock()
	l.Own.Info("important")
	began := time.Now()
	l.Close() // the writer still blocks
	if took := time.Since(began); took > 10*flushTimeout {
		t.Errorf("Close took %v", took)
	}
	<-ended
	close(w.released)
	<-l.sink.done
	if got := w.got.String(); !strings.Contains(got, "important") {
		t.Error("an entry of dynlb was dropped")
	}
}

// TestInstanceLogWait: a line of an instance that finds no room in time is
// dropped and counted. Once the log is read again, lines are kept.
func TestInstanceLogWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newStuckWriter()
		l := New(w, slog.LevelInfo)
		l.Own.Info("first")
		<-w.began
		l.Instances.Info(strings.Repeat("x", sinkSize/2))
		began := time.Now()
		for range 2 {
			r := slog.NewRecord(began, slog.LevelInfo, "too late", 0)
			if err := l.Instances.Handler().Handle(t.Context(), r); !errors.Is(err, errDropped) {
				t.Errorf("a dropped line gets %v, want %v", err, errDropped)
			}
		}
		if took := time.Since(began); took != 2*instanceLogWait {
			t.Errorf("took %v, want %v", took, 2*instanceLogWait)
		}
		close(w.released)
		l.Instances.Info("at last")
		l.Close()
		for want, times := range map[string]int{"too late": 0, `"droppedLines":2`: 1, "at last": 1} {
			if got := strings.Count(w.got.String(), want); got != times {
				t.Errorf("the log has %s %d times, want %d", want, got, times)
			}
		}
	})
}

// TestLogIsWhole: a log that is read keeps all lines, in their order.
func TestLogIsWhole(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	read, write := io.Pipe()
	got := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(read)
		got <- b
	}()
	s := newSink(write)
	for i := range 100000 {
		line := fmt.Appendf(nil, "line %d\n", i)
		want.Write(line)
		_, _ = blockingSink{s}.Write(line)
	}
	s.close()
	_ = write.Close()
	if !bytes.Equal(<-got, want.Bytes()) {
		t.Error("lines are missing or changed")
	}
}
