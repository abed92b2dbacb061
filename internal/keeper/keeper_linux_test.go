package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

// TestWorkerKilled: a worker that dies is replaced, and takes over the instance and what
// was saved. So is one that panics.
func TestWorkerKilled(t *testing.T) {
	t.Parallel()
	k := startKeeper(t)
	before := k.state()
	if err := syscall.Kill(before.worker, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	expectDead(t, before.worker)
	second := k.state()
	_, _ = k.try("panic")
	expectDead(t, second.worker)
	third := k.state()
	if second.epoch != 2 || third.epoch != 3 || third.instance != before.instance || third.blob != "saved" {
		t.Errorf("before %+v, then %+v and %+v", before, second, third)
	}
	if !alive(before.instance) {
		t.Error("the instance has died")
	}
}

// TestKeeperKilled: nothing is left of a keeper that is killed.
func TestKeeperKilled(t *testing.T) {
	t.Parallel()
	k := startKeeper(t)
	s := k.state()
	if err := k.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	expectDead(t, s.worker, s.instance)
}

// TestBye: the keeper ends as a worker that ends on purpose, and kills what is left.
func TestBye(t *testing.T) {
	t.Parallel()
	k := startKeeper(t)
	s := k.state()
	_, _ = k.try("bye 4")
	if code := k.exitCode(); code != 4 {
		t.Errorf("exit code %d", code)
	}
	expectDead(t, s.worker, s.instance)
}

// TestUpgrade: binaries that cannot serve change nothing, and say why; a good one after
// them takes over.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	k := startKeeper(t)
	before := k.state()
	self := processtest.Argv()[0]
	half, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct{ path, why string }{
		{filepath.Join(t.TempDir(), "missing"), "no such file or directory"},
		{script(t, string(half[:4096])), "started "}, // the kernel may start it: then it ends at once
		{script(t, "#!/bin/sh\nexit 3\n"), "the new worker has ended: exit status 3"},
		{script(t, "#!/bin/sh\nexit 2\n"), "the new worker has ended: exit status 2"}, // as after a panic
		{script(t, "#!/bin/sh\nexec sleep 600\n"), "the new worker is not ready within 3s"},
		{script(t, "#!/bin/sh\n"+fakeProtocol+"=99 exec "+self+` "$@"`+"\n"), "it speaks version 99 of the protocol"},
	} {
		if got := k.ask("upgrade " + bad.path); !strings.Contains(got, bad.why) && bad.why != "started " || strings.Contains(got, "serving") {
			t.Errorf("upgrade to %s: %q, want %q", bad.path, got, bad.why)
		}
		if now := k.state(); now != before {
			t.Errorf("after the upgrade to %s: %+v, want %+v", bad.path, now, before)
		}
	}
	if got := k.ask("upgrade " + self); got != "started ready frozen serving <nil>" {
		t.Errorf("upgrade: %q", got)
	}
	after := k.state()
	if after.epoch != 2 || after.worker == before.worker || after.instance != before.instance || after.blob != "frozen in epoch 1" {
		t.Errorf("after the upgrade %+v, before %+v", after, before)
	}
}

// TestRetired: a worker that has retired cannot start or signal an instance.
func TestRetired(t *testing.T) {
	t.Parallel()
	k := startKeeper(t)
	before := k.state()
	late := make(chan string, 1)
	go func() {
		answer, _ := k.try("late")
		late <- answer
	}()
	if got := k.ask("upgrade " + processtest.Argv()[0]); !strings.HasSuffix(got, "<nil>") {
		t.Fatalf("upgrade: %q", got)
	}
	if got := <-late; !strings.Contains(got, ErrRetired.Error()) {
		t.Errorf("the worker before started an instance: %q", got)
	}
	if now := k.state(); now.instance != before.instance || !alive(before.instance) {
		t.Errorf("the instance is %d, was %d", now.instance, before.instance)
	}
}

// TestStoppedWorker: a worker that is stopped when it is to retire does not hold the next
// one up for longer than frozenLimit, and cannot act when it goes on.
func TestStoppedWorker(t *testing.T) {
	t.Parallel()
	k := startKeeper(t)
	before := k.state()
	if err := syscall.Kill(before.worker, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if processtest.Settle(func() int { return running(before.worker) }, 0) > 0 {
		t.Fatal("the worker does not stop")
	}
	if err := k.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	var after state
	for after = k.state(); after.epoch != 2; after = k.state() {
	}
	if after.instance != before.instance || after.blob != "saved" {
		t.Errorf("after %+v, before %+v", after, before)
	}
	if err := syscall.Kill(before.worker, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	// It may accept a connection before it reads that it has retired.
	ofOld := func() (n int) {
		for range 5 {
			if k.state() != after {
				n++
			}
		}
		return n
	}
	if processtest.Settle(ofOld, 0) > 0 || !alive(before.instance) {
		t.Error("the worker before serves again")
	}
}

// running returns 1 if a process runs and is not stopped.
func running(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil || strings.Contains(string(stat), ") T ") {
		return 0
	}
	return 1
}
