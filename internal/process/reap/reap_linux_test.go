package reap_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/process/processtest"
	"github.com/dynlb/dynlb/internal/process/procfs"
	"github.com/dynlb/dynlb/internal/process/reap"
)

func TestMain(m *testing.M) {
	status, played := processtest.Play(map[string]processtest.Role{"init": roleInit})
	if !played {
		status = m.Run()
	}
	os.Exit(status)
}

// children is how many children the process 1 of the test starts. Each leaves an
// orphan behind.
const children = 100

// roleInit: process 1 of a PID namespace. It starts children, each of which exits
// with 7 and leaves an orphan. It exits with the number of children whose status was
// lost and of orphans that are left
func roleInit([]string) int {
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go reap.Orphans(ctx) // ends with ctx
	var started []*exec.Cmd
	for range children {
		cmd := processtest.Command("parent", "setsid", "exit", "0")
		if err := reap.Start(cmd); err != nil {
			panic(err)
		}
		started = append(started, cmd)
	}
	// The children have exited, and stay zombies until Wait. No orphan is left.
	lost := max(0, processtest.Settle(countChildren, children)-children)
	for _, cmd := range started {
		if exit, ok := errors.AsType[*exec.ExitError](reap.Wait(cmd)); !ok || exit.ExitCode() != 7 {
			lost++
		}
	}
	return lost + processtest.Settle(countChildren, 0)
}

// countChildren counts the children of this process.
func countChildren() (n int) {
	procs, err := procfs.Processes()
	if err != nil {
		panic(err)
	}
	for _, p := range procs {
		if p.PPID == os.Getpid() {
			n++
		}
	}
	return n
}

// Process 1 reaps the orphans of its PID namespace, and none of its own children.
func TestOrphansOfProcess1(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("only root makes a PID namespace")
	}
	cmd := processtest.Command("init")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS}
	if err := cmd.Run(); err != nil {
		t.Errorf("process 1: %v, want no lost exit status and no orphan left", err)
	}
}

// A process that is not process 1 leaves the children of others alone.
func TestOrphansElsewhere(t *testing.T) {
	t.Parallel()
	reap.Orphans(t.Context())
}
