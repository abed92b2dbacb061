package logging

import (
	"bytes"
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

// stuckWriter is a reader that reads nothing until it is released.
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

// TestLogWithoutAReader: the log blocks nobody when nobody reads it, keeps what
// there is room for, and says afterwards how much was lost.
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
		t.Errorf("the log does not say %s", want)
	}
	for line := range strings.Lines(got) {
		if !strings.HasPrefix(line, "{") || !strings.HasSuffix(line, "}\n") {
			t.Fatalf("a broken line: %.50q", line)
		}
	}
}

// TestInstancesLeaveRoomInTheLog: what instances print waits while nobody reads,
// and so leaves room for what dynlb has to say, and ends with the log.
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
	for full := false; !full; time.Sleep(time.Millisecond) { // it waits
		l.sink.mu.Lock()
		full = len(l.sink.waiting) > sinkSize/2
		l.sink.mu.Unlock()
	}
	l.Own.Info("important")
	began := time.Now()
	l.Close() // nobody reads yet
	if took := time.Since(began); took > 10*sinkTimeout {
		t.Errorf("the end took %v", took)
	}
	<-ended
	close(w.released)
	<-l.sink.done
	if got := w.got.String(); !strings.Contains(got, "important") {
		t.Error("what dynlb said was lost")
	}
}

// TestInstancesWaitNotForEver: a line of an instance that waits in vain is dropped
// and counted; when the log is read again it goes on.
func TestInstancesWaitNotForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newStuckWriter()
		l := New(w, slog.LevelInfo)
		l.Own.Info("first")
		<-w.began
		l.Instances.Info(strings.Repeat("x", sinkSize/2))
		began := time.Now()
		for range 2 {
			l.Instances.Info("in vain")
		}
		if took := time.Since(began); took != 2*patience {
			t.Errorf("took %v, want %v", took, 2*patience)
		}
		close(w.released)
		l.Instances.Info("at last")
		l.Close()
		for want, times := range map[string]int{"in vain": 0, `"droppedLines":2`: 1, "at last": 1} {
			if got := strings.Count(w.got.String(), want); got != times {
				t.Errorf("the log says %s %d times, want %d", want, got, times)
			}
		}
	})
}

// TestLogIsWhole: a log that is read loses nothing, in order.
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
		_, _ = s.patient().Write(line)
	}
	s.close()
	_ = write.Close()
	if !bytes.Equal(<-got, want.Bytes()) {
		t.Error("lines were lost or changed")
	}
}
