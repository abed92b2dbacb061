package main

import (
	"os"
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
