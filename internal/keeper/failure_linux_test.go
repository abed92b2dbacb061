package keeper

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

// TestNewWorkerFailsWhenItServes: a worker that ends when the one before has frozen is
// replaced by one of the binary before, with the instance and what was frozen.
func TestNewWorkerFailsWhenItServes(t *testing.T) {
	t.Parallel()
	k := startKeeper(t)
	before := k.state()
	if got := k.ask("upgrade " + wrapper(t, fakeFailure, "1")); got != "started ready frozen serving <nil>" {
		t.Errorf("upgrade: %q", got)
	}
	after := k.state()
	if after.epoch != 3 || after.worker == before.worker || after.instance != before.instance || after.blob != "frozen in epoch 1" {
		t.Errorf("after the upgrade %+v, before %+v", after, before)
	}
}

// openFiles returns how many descriptors a process has.
func openFiles(t *testing.T, pid int) int {
	t.Helper()
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestDescriptorsOfRetired: a worker that has retired gets no descriptors of the instances that
// the next one starts.
func TestDescriptorsOfRetired(t *testing.T) {
	t.Parallel()
	k := startKeeper(t)
	old := k.state().worker
	if got := k.ask("upgrade " + processtest.Argv()[0]); !strings.HasSuffix(got, "<nil>") {
		t.Fatalf("upgrade: %q", got)
	}
	before := openFiles(t, old)
	for i := range 5 {
		k.ask(fmt.Sprint("spawn ", i))
	}
	if processtest.Settle(func() int { return max(0, openFiles(t, old)-before) }, 0) > 0 {
		t.Errorf("worker %d has %d descriptors, had %d", old, openFiles(t, old), before)
	}
}

// TestDescriptors: the keeper keeps no descriptor of workers that have ended, nor of upgrades.
func TestDescriptors(t *testing.T) {
	t.Parallel()
	k := startKeeper(t)
	open := func() int { return openFiles(t, k.Process.Pid) }
	self, bad := processtest.Argv()[0], script(t, "#!/bin/sh\nexit 3\n")
	round := func() {
		k.ask("upgrade " + bad)
		before := k.state()
		if got := k.ask("upgrade " + self); !strings.HasSuffix(got, "<nil>") {
			t.Errorf("upgrade: %q", got)
		}
		now := k.state()
		for _, pid := range []int{before.worker, now.worker} { // it has retired, it serves
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		expectDead(t, before.worker, now.worker)
		k.state()
	}
	round() // what stays open from the first use on
	before := open()
	for range 5 {
		round()
	}
	if processtest.Settle(func() int { return max(0, open()-before) }, 0) > 0 {
		t.Errorf("%d descriptors are open, %d were", open(), before)
	}
}
