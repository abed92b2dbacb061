package daemon

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// duplicateWindow is how long after a signal another one counts as the same: GNU
// timeout sends its signal to the process and then to the group, and a shell and the
// kernel may both send one for Ctrl-C. Two presses of Ctrl-C are seldom closer.
const duplicateWindow = 500 * time.Millisecond

// Signals returns two contexts. The first ends with the first SIGINT or SIGTERM, or
// when the terminal is closed; the second ends with the second of these. Signals
// within duplicateWindow count as one. Both contexts end with parent, and with stop,
// which the caller calls when done.
func Signals(parent context.Context, log *slog.Logger) (first, second context.Context, stop func()) {
	second, endSecond := context.WithCancel(parent)
	first, endFirst := context.WithCancel(second)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	var running sync.WaitGroup // stop ends them and waits
	hangup := func() bool { return false }
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it: dynlb is to outlive its terminal
		if tty, err := openTerminal(); err == nil {
			hangup = tty.closing
			running.Go(func() { tty.watch(first, log) })
			signal.Notify(signals, syscall.SIGHUP)
		}
	}
	watching, endWatch := context.WithCancel(parent)
	running.Go(func() {
		watchSignals(watching, signals, hangup, func(s os.Signal) {
			endFirst()
			log.Info("signal received, shutting down; another one stops at once", "signal", s.String())
		}, func(s os.Signal) {
			endSecond()
			log.Warn("signal received again, stopping at once", "signal", s.String())
		})
		signal.Stop(signals) // a third one ends the process, even if it is stuck
	})
	return first, second, func() {
		signal.Stop(signals)
		endWatch()
		endSecond()
		running.Wait()
	}
}

// watchSignals calls first for the first signal that means a stop, and again for the
// second one. It returns when the duplicates of the second are over, or ctx ends.
func watchSignals(ctx context.Context, signals <-chan os.Signal, hangup func() bool, first, again func(os.Signal)) {
	s, ok := awaitSignal(ctx, signals, hangup)
	if !ok {
		return
	}
	first(s)
	dropDuplicates(ctx, signals)
	// A terminal that is closed may send several SIGHUP: the shell sends one too.
	// They count as the first signal.
	if s, ok = awaitSignal(ctx, signals, func() bool { return false }); !ok {
		return
	}
	again(s)
	dropDuplicates(ctx, signals)
}

// dropDuplicates drops signals for duplicateWindow, or until ctx ends.
func dropDuplicates(ctx context.Context, signals <-chan os.Signal) {
	over := time.NewTimer(duplicateWindow)
	defer over.Stop()
	for {
		select {
		case <-signals:
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// awaitSignal returns the next signal that means a stop; false if ctx ends first.
// SIGHUP means a stop if hangup returns true, and a reload otherwise.
func awaitSignal(ctx context.Context, signals <-chan os.Signal, hangup func() bool) (os.Signal, bool) {
	for {
		select {
		case s := <-signals:
			if s != syscall.SIGHUP || hangup() {
				return s, true
			}
		case <-ctx.Done():
			return nil, false
		}
	}
}
