package daemon

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// Signals returns two contexts. The first ends with the first SIGINT or SIGTERM, or
// when the terminal is closed; the second ends with the second of these. Both end
// with parent, and with stop, which the caller calls when done.
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
	running.Go(func() {
		if s, ok := awaitSignal(second, signals, hangup); ok {
			endFirst()
			log.Info("signal received, shutting down; another one stops at once", "signal", s.String())
		}
		// A terminal that is closed may send several SIGHUP: the shell sends one too.
		// They count as the first signal.
		if s, ok := awaitSignal(second, signals, func() bool { return false }); ok {
			endSecond()
			log.Warn("signal received again, stopping at once", "signal", s.String())
		}
		signal.Stop(signals) // a third one ends the process, even if it is stuck
	})
	return first, second, func() {
		signal.Stop(signals)
		endSecond()
		running.Wait()
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
