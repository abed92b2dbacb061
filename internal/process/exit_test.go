package process

import (
	"syscall"
	"testing"
)

// TestExitOwn: an exit, a crash and an OOM kill are a child's own, also behind a
// shell. Other signals came from outside.
func TestExitOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		exit Exit
		own  bool
	}{
		{Exit{Code: 0}, true},
		{Exit{Code: 1}, true},
		{Exit{Code: 255}, true},
		{Exit{Code: -1, Signal: syscall.SIGSEGV}, true},
		{Exit{Code: -1, Signal: syscall.SIGABRT}, true},
		{Exit{Code: -1, Signal: syscall.SIGKILL}, false},
		{Exit{Code: -1, Signal: syscall.SIGKILL, OutOfMemory: true}, true},
		{Exit{Code: -1, Signal: syscall.SIGTERM}, false},
		{Exit{Code: -1, Signal: syscall.SIGINT}, false},
		{Exit{Code: 128 + 11}, true},
		{Exit{Code: 128 + 9}, false},
		{Exit{Code: 128 + 15}, false},
	} {
		if got := c.exit.Own(); got != c.own {
			t.Errorf("%+v: own is %v, want %v", c.exit, got, c.own)
		}
	}
}
