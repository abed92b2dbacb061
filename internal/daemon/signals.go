package daemon

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// Signals returns a context that ends with the first SIGINT or SIGTERM, or when
// the terminal is closed, and one that ends with the second. Call stop when done.
func Signals(parent context.Context, log *slog.Logger) (first, second context.Context, stop func()) {
	second, end := context.WithCancel(parent)
	first, begin := context.WithCancel(second)
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	var parts sync.WaitGroup // they end with stop, which waits
	hangup := func() bool { return false }
	if !signal.Ignored(syscall.SIGHUP) { // else it was started to outlive its terminal
		if tty, err := openTerminal(); err == nil {
			hangup = tty.closing
			parts.Go(func() { tty.watch(first, log) })
			signal.Notify(c, syscall.SIGHUP)
		}
	}
	parts.Go(func() {
		if s, ok := await(second, c, hangup); ok {
			begin()
			log.Info("signal received", "signal", s.String(), "again", "ends at once")
		}
		// A terminal that is closed may send more than one SIGHUP: the shell's, too.
		if s, ok := await(second, c, func() bool { return false }); ok {
			end()
			log.Warn("signal received again, ending at once", "signal", s.String())
		}
		signal.Stop(c) // a third one ends what cannot be ended in order
	})
	return first, second, func() {
		signal.Stop(c)
		end()
		parts.Wait()
	}
}

// await returns the next signal that is to end dynlb; false if ctx ends before.
// SIGHUP does if hangup says so, or else means to read the config again.
func await(ctx context.Context, c <-chan os.Signal, hangup func() bool) (os.Signal, bool) {
	for {
		select {
		case s := <-c:
			if s != syscall.SIGHUP || hangup() {
				return s, true
			}
		case <-ctx.Done():
			return nil, false
		}
	}
}
