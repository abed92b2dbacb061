package orphan_test

import (
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/cgroup"
	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/processtest"
)

func TestMain(m *testing.M) {
	status, played := processtest.Play(map[string]processtest.Role{
		"guard":        roleGuard,
		"guarded":      roleGuarded,
		"guarded-mark": roleGuardedMark,
		"marked":       roleMarked,
	})
	if !played {
		status = m.Run()
	}
	os.Exit(status)
}

// roleGuard: a guard
func roleGuard([]string) int {
	if err := orphan.RunGuard(os.Stdin); err != nil {
		panic(err)
	}
	return 0
}

// startGuard starts a guard of this process, which logs to standard output.
func startGuard() {
	_ = os.Setenv(processtest.RoleEnv, "guard")
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	if _, err := orphan.StartGuard(processtest.Argv(), log); err != nil {
		panic(err)
	}
}

// roleGuarded: like marked, with a guard
func roleGuarded(args []string) int {
	startGuard()
	return roleMarked(args)
}

// roleGuardedMark: like guarded, but the child has its mark alone: no cgroup, a
// group of its own, and no parent-death signal
func roleGuardedMark(args []string) int {
	startGuard()
	cmd := processtest.Command(args[0], args[1:]...)
	cmd.Env = append(cmd.Env, orphan.NewMark("test").Env())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	processtest.Block()
	return 0
}

// roleMarked: marked ROLE ARGS... starts a child with a mark, as dynlb does, and
// runs until it is killed
func roleMarked(args []string) int {
	spec := roleSpec(args[0], args[1:]...)
	spec.Mark = orphan.NewMark("test")
	if _, err := process.Start(spec); err != nil {
		panic(err)
	}
	processtest.Block()
	return 0
}

// roleSpec describes a child that plays a role.
func roleSpec(role string, args ...string) process.Spec {
	return process.Spec{Argv: processtest.Argv(args...), Env: processtest.Env(role)}
}

// start starts a child that is killed at the end of the test.
func start(t *testing.T, spec process.Spec) *process.Process {
	t.Helper()
	p, err := process.Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill(); <-p.Done() })
	return p
}

// needCgroups skips a test where there are no cgroups.
func needCgroups(t *testing.T) {
	t.Helper()
	if !strings.HasPrefix(cgroup.Containment(), "cgroup") {
		t.Skip(cgroup.Containment())
	}
}

// groupsOf counts the cgroups of a run.
func groupsOf(run string) (n int) {
	_, _ = cgroup.EndRuns(func(other string) bool {
		if other == run {
			n++
		}
		return false
	}, 0)
	return n
}
