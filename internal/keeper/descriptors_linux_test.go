package keeper

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

// TestStartWithoutDescriptors: a start fails in one line while the keeper may open few files or
// none, the worker stays, and the next start works when there are some again. So does an
// upgrade.
func TestStartWithoutDescriptors(t *testing.T) {
	t.Parallel()
	k := startKeeper(t)
	before, self := k.state(), processtest.Argv()[0]
	var limit unix.Rlimit
	if err := unix.Prlimit(k.Process.Pid, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		t.Fatal(err)
	}
	allow := func(n uint64) {
		t.Helper()
		if err := unix.Prlimit(k.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: limit.Max}, nil); err != nil {
			t.Fatal(err)
		}
	}
	failed := 0
	for more := range 12 { // pipes, the process, and what the start of a program needs
		allow(uint64(openFiles(t, k.Process.Pid) + more))
		got := k.ask(fmt.Sprint("spawn few", more))
		if !strings.HasSuffix(got, "<nil>") {
			failed++
		}
		if now := k.state(); now.worker != before.worker {
			t.Fatalf("with %d files the worker has died: %q", more, got)
		}
	}
	if failed == 0 {
		t.Error("each start has worked")
	}
	allow(uint64(openFiles(t, k.Process.Pid)))
	if got := k.ask("upgrade " + self); strings.Contains(got, "serving") {
		t.Errorf("upgrade: %q", got)
	}
	allow(limit.Cur)
	if got := k.ask("spawn after"); !strings.HasSuffix(got, "<nil>") {
		t.Errorf("start: %q", got)
	}
	if got := k.ask("upgrade " + self); !strings.HasSuffix(got, "serving <nil>") {
		t.Errorf("upgrade: %q", got)
	}
	if !alive(before.instance) {
		t.Error("the instance has died")
	}
}
