package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// asProcess1 starts a program as process 1 of a PID namespace with its own /proc, as a
// container does.
var asProcess1 = []string{"unshare", "--pid", "--fork", "--kill-child", "--mount-proc"}

// needNamespaces skips a test where the user may not make namespaces, and not in CI.
func needNamespaces(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("only root makes a PID namespace")
	}
}

// TestOrphansOfProcess1: each instance leaves five processes behind that have left its
// group and session. dynlb reaps them when it is process 1.
func TestOrphansOfProcess1(t *testing.T) {
	t.Parallel()
	needNamespaces(t)
	p := spawnBy(t, asProcess1, `drainDelay: 0
command: [sh, -c, 'for i in 1 2 3 4 5; do (setsid sleep 0.2 &); done; exec bun run "$0" --port "$1"', "{location}", "{port}"]`)
	dynlb := children(p.Process.Pid)[0]
	daemontest.Eventually(t, "no orphan left", func() bool {
		for _, child := range children(dynlb) {
			stat, _ := os.ReadFile("/proc/" + strconv.Itoa(child) + "/stat")
			if strings.Contains(string(stat), "(sleep)") {
				return false
			}
		}
		return true
	})
	if err := syscall.Kill(dynlb, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	p.nothingLeft()
}

// TestUpgradeOfProcess1: a dynlb that is process 1 is upgraded as any other: it stays process
// 1, no request is lost, and after a bad binary a good one takes over. It still reaps orphans,
// and stops in order.
func TestUpgradeOfProcess1(t *testing.T) {
	t.Parallel()
	needKeeper(t)
	needNamespaces(t)
	p := spawnBy(t, asProcess1, `drainDelay: 0
minInstances: 2
maxInstances: 2
command: [sh, -c, 'for i in 1 2 3; do (setsid sleep 0.2 &); done; exec bun run "$0" --port "$1"', "{location}", "{port}"]`)
	dynlb := children(p.Process.Pid)[0]
	workers := func() []int { return commandsOf(dynlb, "worker") }
	before, first := p.instances(), workers()
	load := daemontest.StartLoad(t, 2, p.url, "/")
	if code, output := p.upgrade("/bin/false"); code != 1 || !strings.Contains(output, "exit status 1") {
		t.Errorf("upgrade to a bad binary: exit code %d, %s", code, output)
	}
	if code, output := p.upgrade(anotherBuild(t)); code != 0 {
		t.Errorf("upgrade: exit code %d, %s", code, output)
	}
	if err := syscall.Kill(dynlb, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "the upgrade by a signal", func() bool { return strings.Count(p.log.String(), `"upgraded"`) == 2 })
	served := load.Done.Load()
	daemontest.Eventually(t, "requests after the upgrades", func() bool { return load.Done.Load() > served+20 })
	load.Stop()
	if _, text := p.run("status"); !strings.Contains(text, "keeper: process 1, ") {
		t.Errorf("status:\n%s", text)
	}
	if now := p.instances(); !slices.Equal(now, before) {
		t.Errorf("instances %v, before %v", now, before)
	}
	daemontest.Eventually(t, "one worker, which is another one", func() bool { now := workers(); return len(now) == 1 && now[0] != first[0] })
	if err := syscall.Kill(workers()[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "another worker, and no zombie", func() bool {
		return strings.Count(p.log.String(), `"serving"`) == 4 && !slices.ContainsFunc(children(dynlb), zombie)
	})
	if now := p.instances(); !slices.Equal(now, before) {
		t.Errorf("instances %v, before %v", now, before)
	}
	if err := syscall.Kill(dynlb, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	p.nothingLeft()
}
