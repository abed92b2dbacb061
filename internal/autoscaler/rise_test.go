package autoscaler

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
)

// lines is a log as a test reads it.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(p))
	return len(p), nil
}

// take returns the lines since the last call.
func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.all
	l.all = nil
	return out
}

// TestRiseIsOneLine: the steps of a rise within a boot time are one line of the log, with
// where it began, where it ended and the last reason. The journal has each of them.
func TestRiseIsOneLine(t *testing.T) {
	t.Parallel()
	settings := defaults
	settings.Window = time.Second
	scaling(t, settings, func(t *testing.T, a *Autoscaler, f *fleet) {
		log := &lines{}
		f.boot.Store(int64(3 * time.Second))
		if _, err := a.ScaleTo(t.Context(), 3, 0, "order"); err != nil {
			t.Fatal(err)
		}
		wait(4 * time.Second)
		a.scaler.booting.mean = 3 * time.Second // Run waits for its timer
		a.scaler.Log = slog.New(slog.NewTextHandler(log, nil))
		before := len(events(a.scaler.Board, notice.Scaled))
		release := busy(t, f.registry, 11)
		wait(1500 * time.Millisecond)
		release2 := busy(t, f.registry, 9)
		wait(1000 * time.Millisecond)
		if got := log.take(); len(got) != 0 {
			t.Errorf("logged before the boot time is over: %q", got)
		}
		wait(5 * time.Second)
		steps := events(a.scaler.Board, notice.Scaled)[before:]
		if len(steps) < 2 {
			t.Fatalf("the target rose in %d steps, want several", len(steps))
		}
		got := log.take()
		if len(got) != 1 || !strings.Contains(got[0], "msg=scale from=3 to=7 steps=") || !strings.Contains(got[0], steps[len(steps)-1]) {
			t.Errorf("log %q, want one line with the end of %q", got, steps)
		}
		release()
		release2()
		// What is not a rise by the load does not wait.
		if _, err := a.ScaleTo(t.Context(), 8, 0, "order"); err != nil || len(log.take()) != 1 {
			t.Errorf("an order was not logged at once: %v", err)
		}
	})
}
