package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

// awaitReport waits until the worker that serves knows of upgrades.
func (k *testKeeper) awaitReport(want string) {
	k.t.Helper()
	want += fmt.Sprintf(", process %d", k.Process.Pid)
	got := ""
	if processtest.Settle(func() int {
		if got = k.ask("report"); got == want {
			return 0
		}
		return 1
	}, 0) > 0 {
		k.t.Errorf("report %q, want %q", got, want)
	}
}

// TestReport: the worker that serves knows how the last upgrade has ended, whatever asked for
// it and whatever worker served then.
func TestReport(t *testing.T) {
	t.Parallel()
	k := startKeeper(t)
	self, missing := processtest.Argv()[0], filepath.Join(t.TempDir(), "missing")
	k.awaitReport(`  "", 0 done, 0 failed, 0 reverted`)
	k.ask("upgrade " + missing)
	why := fmt.Sprintf("open %s: no such file or directory", missing)
	k.awaitReport(fmt.Sprintf("%s failed %q, 0 done, 1 failed, 0 reverted", missing, why))
	if err := syscall.Kill(k.state().worker, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	k.awaitReport(fmt.Sprintf("%s failed %q, 0 done, 1 failed, 0 reverted", missing, why))
	if err := k.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	k.awaitReport(self + ` done "", 1 done, 1 failed, 0 reverted`)
	next := wrapper(t, fakeName, "next")
	if got := k.ask("upgrade " + next); !strings.HasSuffix(got, "<nil>") {
		t.Fatalf("upgrade: %q", got)
	}
	k.ask("upgrade " + missing) // which is not the one that is taken back then
	k.awaitReport(fmt.Sprintf("%s failed %q, 2 done, 2 failed, 0 reverted", missing, why))
	if err := syscall.Kill(k.state().worker, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	k.awaitReport(next + ` reverted "a worker of it has ended: signal: killed", 2 done, 2 failed, 1 reverted`)
}

// TestUpgradeLeavesNothing: what a program has started that is no dynlb ends with it, and a
// call that is refused meanwhile changes nothing of the report.
func TestUpgradeLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{"not ready in time": "wait", "ended": "exit 3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := startKeeper(t)
			k.state()
			file := filepath.Join(t.TempDir(), "pid")
			program := script(t, fmt.Sprintf("#!/bin/sh\nsleep 600 >/dev/null 2>&1 &\necho $! >%[1]s~\nmv %[1]s~ %[1]s\n%[2]s\n", file, end))
			k.begin("upgrade " + program)
			child := 0
			if processtest.Settle(func() int {
				text, _ := os.ReadFile(file)
				if child, _ = strconv.Atoi(strings.TrimSpace(string(text))); child > 0 {
					return 0
				}
				return 1
			}, 0) > 0 {
				t.Fatal("the program does not run")
			}
			if end == "wait" {
				if got := k.ask("upgrade " + processtest.Argv()[0]); got != "an upgrade is under way" {
					t.Errorf("another upgrade: %q", got)
				}
			}
			expectDead(t, child)
			why := "not ready within 3s"
			if end != "wait" {
				why = "exit status 3"
			}
			if got := k.awaitFailure(); !strings.Contains(got, program) || !strings.Contains(got, why) {
				t.Errorf("report %q, want %q", got, why)
			}
		})
	}
}

// awaitFailure waits until the worker that serves knows of a failed upgrade, and returns the
// report.
func (k *testKeeper) awaitFailure() (got string) {
	k.t.Helper()
	if processtest.Settle(func() int {
		if got = k.ask("report"); strings.Contains(got, " 1 failed") {
			return 0
		}
		return 1
	}, 0) > 0 {
		k.t.Errorf("report %q, want a failure", got)
	}
	return got
}

// TestRefuse: the worker that serves may refuse to retire, and goes on. Until it has frozen it
// may start instances.
func TestRefuse(t *testing.T) {
	t.Parallel()
	k := startKeeper(t)
	before, self := k.state(), processtest.Argv()[0]
	k.ask("refuse-on-retire")
	if got := k.ask("upgrade " + self); got != "started ready busy <nil>" {
		t.Errorf("upgrade: %q", got)
	}
	k.awaitReport(self + ` failed "busy <nil>", 0 done, 1 failed, 0 reverted`)
	if now := k.state(); now != before {
		t.Errorf("after the upgrade %+v, before %+v", now, before)
	}
	if got := k.ask("upgrade " + self); !strings.HasSuffix(got, "serving <nil>") {
		t.Errorf("the next upgrade: %q", got)
	}
}

// TestRefuseTooLate: a worker that refuses when another one serves already retires.
func TestRefuseTooLate(t *testing.T) {
	t.Parallel()
	k := startKeeper(t)
	before := k.state()
	k.ask("refuse-on-retire")
	if err := syscall.Kill(before.worker, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if processtest.Settle(func() int { return running(before.worker) }, 0) > 0 {
		t.Fatal("the worker does not stop")
	}
	if err := k.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	after := k.state()
	for ; after.epoch != 2; after = k.state() {
	}
	if err := syscall.Kill(before.worker, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	ofOld := func() (n int) { // it may accept a connection before it reads that it is to retire
		for range 5 {
			if k.state() != after {
				n++
			}
		}
		return n
	}
	if processtest.Settle(ofOld, 0) > 0 {
		t.Error("the worker before serves on")
	}
}
