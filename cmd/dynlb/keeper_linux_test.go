package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
	"github.com/dynlb/dynlb/internal/runs"
)

// needKeeper skips a test in a run without keepers.
func needKeeper(t *testing.T) {
	t.Helper()
	if os.Getenv("DYNLB_TEST_KEEPER") == "off" {
		t.Skip("this run has no keepers")
	}
}

// instances returns the pids of the instances, in order.
func (p *dynlbProcess) instances() []int {
	pids := daemontest.InstancesOn(p.basePort)
	slices.Sort(pids)
	return pids
}

// TestWorkerKilled: dynlb serves on when its worker is killed, again and again, with the
// same instances, those above minInstances too.
func TestWorkerKilled(t *testing.T) {
	t.Parallel()
	needKeeper(t)
	p := spawn(t, "minInstances: 2\nmaxInstances: 4\n")
	before := p.instances()
	deaths := func() int { return strings.Count(p.log.String(), "worker has died") }
	for i := range 3 {
		workers := p.commands("worker")
		if len(workers) != 1 {
			t.Fatalf("workers %v, want one", workers)
		}
		if err := syscall.Kill(workers[0], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		daemontest.Eventually(t, "its end in the log", func() bool { return deaths() == i+1 })
		http.DefaultClient.CloseIdleConnections()
		response, err := http.Get(p.url) // the connection waits in the queue of the listener
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Error(response.Status)
		}
		daemontest.Eventually(t, "one worker", func() bool { return len(p.commands("worker")) == 1 })
	}
	if after := p.instances(); !slices.Equal(before, after) {
		t.Errorf("instances %v, want %v", after, before)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	p.nothingLeft()
}

// TestKeeperKilled: nothing is left when the keeper is killed.
func TestKeeperKilled(t *testing.T) {
	t.Parallel()
	needKeeper(t)
	p := spawn(t, "")
	worker := p.commands("worker")[0]
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.exit()
	p.nothingLeft()
	daemontest.Eventually(t, "no worker", func() bool { return syscall.Kill(worker, 0) != nil || zombie(worker) })
}

// TestInstanceEndsWithoutWorker: an instance that ends while dynlb has no worker is
// replaced by the next one.
func TestInstanceEndsWithoutWorker(t *testing.T) {
	t.Parallel()
	needKeeper(t)
	p := spawn(t, "")
	before := p.instances()
	worker := p.commands("worker")[0]
	if err := syscall.Kill(worker, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(before[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "its end", func() bool { return !slices.Contains(p.instances(), before[0]) })
	if err := syscall.Kill(worker, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "another instance", func() bool {
		now := p.instances()
		return len(now) == 2 && slices.Contains(now, before[1])
	})
}

// TestStopDuringUpgrade: `dynlb stop` ends dynlb although a worker is being started that
// would take over.
func TestStopDuringUpgrade(t *testing.T) {
	t.Parallel()
	needKeeper(t)
	p := spawn(t, "minInstances: 2\nmaxInstances: 2\ndrainDelay: 3s\n")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	slow := filepath.Join(t.TempDir(), "slow")
	if err := os.WriteFile(slow, []byte("#!/bin/sh\nsleep 1\nexec "+self+" \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	upgraded := make(chan string, 1)
	go func() {
		_, output := p.upgrade(slow)
		upgraded <- output
	}()
	daemontest.Eventually(t, "the new worker", func() bool { return strings.Contains(p.log.String(), `"upgrade begun"`) })
	if output, err := exec.Command(self, "stop", "--admin", p.admin()).CombinedOutput(); err != nil {
		t.Errorf("stop: %v, %s", err, output)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if output := <-upgraded; !strings.Contains(output, "dynlb is shutting down") {
		t.Errorf("upgrade: %s", output)
	}
	p.nothingLeft()
}

// TestAgeAfterTheDeathOfAWorker: the age of dynlb is that of the process that 'dynlb ls' names,
// and no other worker changes it.
func TestAgeAfterTheDeathOfAWorker(t *testing.T) {
	t.Parallel()
	p := operate(t, "")
	record := func() (found runs.Record) {
		for _, r := range runs.List(runs.Folders(os.Getenv)) {
			if r.PID == p.Process.Pid {
				found = r
			}
		}
		return found
	}
	before := record()
	worker := p.commands("worker")[0]
	if err := syscall.Kill(worker, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "the next worker", func() bool { return strings.Count(p.log.String(), `"msg":"serving"`) == 2 })
	p.pool() // it serves after it has written its record
	if after := record(); before.Begin.IsZero() || !after.Begin.Equal(before.Begin) {
		t.Errorf("begun at %v, and at %v after the death of the worker", before.Begin, after.Begin)
	}
}
