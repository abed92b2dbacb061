package keeper

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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

// TestWorkerDiesWhenItIsToFreeze: the new worker takes over at once if the one before dies
// then.
func TestWorkerDiesWhenItIsToFreeze(t *testing.T) {
	t.Parallel()
	k := startKeeper(t)
	before := k.state()
	k.ask("die-on-retire")
	_, _ = k.try("upgrade " + processtest.Argv()[0]) // its connection ends with the worker
	expectDead(t, before.worker)
	after := k.state()
	if after.epoch != 2 || after.instance != before.instance || after.blob != "saved" {
		t.Errorf("after the upgrade %+v, before %+v", after, before)
	}
	for k.log.count("upgraded") == 0 { // the log comes by a pipe
		time.Sleep(time.Millisecond)
	}
	if k.log.count("has not frozen in time") > 0 || k.log.count("has died before it has frozen") != 1 {
		t.Error("the keeper has waited for a worker that was dead")
	}
}

// TestRejectedConfig: a new binary that ends because of the config serves when that is mended.
// If the binary before takes the config, that one serves.
func TestRejectedConfig(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "bad")
	for _, test := range []struct {
		name, want string
		variables  []string // of both binaries
		rejects    string   // of the new one
	}{
		{name: "both reject it", want: "binary new", variables: []string{fakeReject + "=" + bad}},
		{name: "the new one rejects it", want: "binary old", rejects: fakeReject + "=" + bad},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := startKeeper(t, append(test.variables, fakeName+"=old")...)
			first := k.state()
			if err := os.WriteFile(bad, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			next := script(t, fmt.Sprintf("#!/bin/sh\n%s %s=new exec %s \"$@\"\n", test.rejects, fakeName, processtest.Argv()[0]))
			if got := k.ask("upgrade " + next); !strings.HasSuffix(got, "<nil>") {
				t.Fatalf("upgrade: %q", got)
			}
			if test.rejects == "" {
				if processtest.Settle(func() int { return max(0, 4-k.log.count("worker has died")) }, 0) > 0 {
					t.Error("the config is not tried again")
				}
				if err := os.Remove(bad); err != nil {
					t.Fatal(err)
				}
			}
			if got := k.ask("name"); got != test.want {
				t.Errorf("%s serves, want %s", got, test.want)
			}
			if now := k.state(); now.instance != first.instance {
				t.Errorf("the instance is %d, was %d", now.instance, first.instance)
			}
			_ = os.Remove(bad)
		})
	}
}

// TestNotSent: a worker learns that its instance was not started if the descriptors of that
// cannot be sent.
func TestNotSent(t *testing.T) {
	t.Parallel()
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	c, err := newConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	other, err := newConn(theirs)
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{Options: Options{Log: slog.New(slog.DiscardHandler)}}
	w := &worker{k: k, cmd: &exec.Cmd{Process: self}, conn: c, queue: make(chan packet, 1)}
	w.send(kindSpawned, 7, spawnReply{Instance: Instance{ID: "one"}}, -1)
	c.close()
	m, _, err := other.receive()
	if err != nil {
		t.Fatal(err)
	}
	if s, err := body[spawnReply](m); m.Kind != kindSpawned || m.Seq != 7 || err != nil || s.Error == nil {
		t.Errorf("got %s %d, %s", m.Kind, m.Seq, m.Body)
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
