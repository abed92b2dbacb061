package keeper

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

// wrapper writes a program that is this one, with a variable of the environment.
func wrapper(t *testing.T, variable, value string) string {
	t.Helper()
	return script(t, fmt.Sprintf("#!/bin/sh\n%s=%s exec %s \"$@\"\n", variable, value, processtest.Argv()[0]))
}

// TestStopDuringUpgrade: dynlb that is stopped during an upgrade ends, and in order: a worker
// has stopped it, with the instance still there.
func TestStopDuringUpgrade(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, before, stop string
		signal             bool // the keeper gets SIGTERM
	}{
		{name: "a signal before the new worker is ready", signal: true},
		{name: "a worker that stops before the new one is ready", stop: "stop"},
		{name: "a signal while the worker is to freeze", before: "term-on-retire"},
		{name: "a worker that stops when it is to freeze", before: "stop-on-retire"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			k := startKeeper(t)
			k.state()
			if test.before != "" {
				k.ask(test.before)
			}
			k.begin("upgrade " + wrapper(t, fakeDelay, "1s"))
			if test.stop != "" {
				_, _ = k.try(test.stop)
			}
			if test.signal {
				if err := k.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
			}
			if code := k.exitCode(); code != 5 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}
