package local

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/process"
)

func TestDeathIsReplacedAtOnce(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(time.Second)
		r.all()[0].die("signal: killed", "last words")
		r.after(20 * time.Millisecond)
		r.want("2 ready")
		f := r.board.Snapshot()
		if f.Restarts != 1 || f.LastExit.Reason != "signal: killed" || f.LastExit.Output[0] != "last words" {
			t.Errorf("board: %+v", f)
		}
		if f.Trouble != "" {
			t.Errorf("trouble %q after an instance that ran had died", f.Trouble)
		}
	})
}

// TestDroppedLinesAreLogged: the log has the number of output lines that were
// dropped, at the end of the instance.
func TestDroppedLinesAreLogged(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(time.Second)
		r.all()[0].dropped = 7
		for _, p := range r.all() {
			p.die("exit status 1")
		}
		r.after(time.Second)
		if r.log.count("droppedLines=") != 1 || r.log.count("droppedLines=7\n") != 1 {
			t.Errorf("log:\n%s", r.log)
		}
	})
}

// TestLinesDroppedByTheLog: a line of an instance that the log drops is a failed one, so
// that package process counts it. One of a level that is off is not.
func TestLinesDroppedByTheLog(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		full := &fullLog{Handler: slog.DiscardHandler}
		r.Output = slog.New(full)
		r.Scale(1, "test")
		r.after(time.Second)
		if err := r.all()[0].spec.Output(process.Line{Text: "a"}); err != nil {
			t.Errorf("a line of a level that is off: %v", err)
		}
		full.on = true
		if err := r.all()[0].spec.Output(process.Line{Text: "a"}); !errors.Is(err, errFull) {
			t.Errorf("a dropped line: %v, want %v", err, errFull)
		}
	})
}

var errFull = errors.New("full")

// fullLog is a log that drops every line, or has none.
type fullLog struct {
	slog.Handler
	on bool
}

func (l *fullLog) Enabled(context.Context, slog.Level) bool { return l.on }

func (l *fullLog) Handle(context.Context, slog.Record) error { return errFull }

func (l *fullLog) WithAttrs([]slog.Attr) slog.Handler { return l }

// TestCrashLoop: the pauses between starts grow up to a maximum, and a stable
// minute resets them.
func TestCrashLoop(t *testing.T) {
	t.Parallel()
	withFleet(t, func(_ *Settings, m *machine) { m.boot = time.Hour }, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		var starts []time.Time
		for range 14 {
			for len(r.running()) == 0 {
				r.after(10 * time.Millisecond)
			}
			starts = append(starts, time.Now())
			r.running()[0].die("exit status 1", "error: DATABASE_URL is missing", "      at app.ts:1:7", "Bun v1.4.5 (Linux x64)")
			synctest.Wait()
		}
		for i := 2; i < len(starts); i++ {
			pause := starts[i].Sub(starts[i-1])
			nominal := min(backoffMax, backoffBase<<(i-2))
			if pause < nominal*3/4 || pause > nominal*5/4+10*time.Millisecond {
				t.Errorf("pause before start %d: %v, want %v, plus or minus a quarter", i, pause, nominal)
			}
		}
		if got, want := r.registry.Trouble(), "exit status 1: error: DATABASE_URL is missing"; got != want {
			t.Errorf("trouble %q, want %q", got, want)
		}
		r.set(func(m *machine) { m.boot = time.Millisecond })
		r.after(backoffMax * 2)
		r.want("1 ready")
		if got := r.registry.Trouble(); got != "" {
			t.Errorf("trouble %q after a successful start", got)
		}
		r.after(backoffReset)
		r.running()[0].die("exit status 1")
		r.after(20 * time.Millisecond)
		r.want("1 ready")
	})
}

// TestStableDeathsAreReplacedAtOnce: instances that ran well are replaced at once,
// however many die one after the other.
func TestStableDeathsAreReplacedAtOnce(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		for range 20 {
			r.after(stableRun + 50*time.Millisecond)
			r.want("2 ready")
			r.running()[0].die("signal: killed")
			r.after(50 * time.Millisecond)
			r.want("2 ready")
		}
	})
}
