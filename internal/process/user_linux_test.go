package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process/account"
	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/processtest"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

func init() {
	roles["starter-nobody"] = roleStarterNobody
	roles["whoami"] = roleWhoami
}

// roleStarterNobody: like starter, and the child runs as the user nobody
func roleStarterNobody(args []string) int {
	spec := roleSpec(args[0], args[1:]...)
	spec.User = mustUser("nobody")
	if _, err := Start(spec); err != nil {
		panic(err)
	}
	processtest.Block()
	return 0
}

// roleWhoami: prints the user and the groups that it runs as
func roleWhoami([]string) int {
	groups, err := os.Getgroups()
	if err != nil {
		panic(err)
	}
	slices.Sort(groups)
	fmt.Println(os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid(), groups)
	for _, name := range []string{"HOME", "USER", "LOGNAME"} {
		fmt.Println(name, os.Getenv(name))
	}
	return 0
}

func mustUser(name string) *account.User {
	u, err := account.Lookup(name)
	if err != nil {
		panic(err)
	}
	return u
}

// nobodySpec describes a child that runs as the user nobody, from a copy of the test
// program that every user may execute. Where the tests do not run as root, it fails
// the test unless the start of such a child fails, and returns false.
func nobodySpec(t *testing.T, role string, args ...string) (Spec, bool) {
	t.Helper()
	spec := roleSpec(role, args...)
	spec.User = mustUser("nobody")
	if os.Geteuid() != 0 && os.Geteuid() != int(spec.User.UID) {
		_, err := Start(spec)
		if want := "cannot run as nobody: dynlb is not root; start dynlb as root, or remove user:"; err == nil || !strings.HasSuffix(err.Error(), want) || !errors.Is(err, syscall.EPERM) {
			t.Errorf("Start = %v, want %s", err, want)
		}
		return spec, false
	}
	program, err := os.ReadFile(spec.Argv[0])
	if err != nil {
		t.Fatal(err)
	}
	dir := processtest.OpenDir(t)
	spec.Argv[0] = filepath.Join(dir, "test")
	if err := processtest.WriteProgram(spec.Argv[0], program, 0o755); err != nil {
		t.Fatal(err)
	}
	// Under go test -cover, the program writes its counters when it exits, and prints
	// an error if it cannot: other users may not write to the folder of the test.
	coverage := filepath.Join(dir, "coverage")
	if err := errors.Join(os.Mkdir(coverage, 0o755), os.Chown(coverage, int(spec.User.UID), int(spec.User.GID))); err != nil {
		t.Fatal(err)
	}
	spec.Env = append(spec.Env, "GOCOVERDIR="+coverage)
	return spec, true
}

func TestChildRunsAsItsUser(t *testing.T) {
	spec, ok := nobodySpec(t, "whoami")
	if !ok {
		return
	}
	// Values of dynlb's own environment are replaced by the user's; others stay.
	t.Setenv("HOME", "/dynlb")
	t.Setenv("USER", "dynlb")
	spec.Env = append(spec.Env, "HOME=/dynlb", "USER=chosen", "LOGNAME=")
	spec.User.Groups = append(spec.User.Groups, 12)
	if os.Geteuid() != 0 {
		spec.User.Groups = nil // the child keeps those of the test
	}
	got := await(t, start(t, spec)).Output
	u := spec.User
	want := []string{"HOME " + u.Home, "USER chosen", "LOGNAME nobody"}
	if len(got) != 4 || !slices.Equal(got[1:], want) {
		t.Errorf("environment = %q, want %q", got, want)
	}
	ids := fmt.Sprint(u.UID, u.UID, u.GID, u.GID)
	if os.Geteuid() == 0 {
		slices.Sort(u.Groups)
		ids += fmt.Sprint(" ", u.Groups)
	}
	if len(got) == 0 || !strings.HasPrefix(got[0], ids) {
		t.Errorf("ids = %q, want %s", got, ids)
	}
}

// The kernel clears the parent-death signal when a process changes its user: it must
// be set after that.
func TestChildOfAnotherUserDiesWithItsKilledParent(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	spec, ok := nobodySpec(t, "starter-nobody", "ignore-term", line.Address())
	if !ok {
		return
	}
	starter := &exec.Cmd{Path: spec.Argv[0], Args: spec.Argv, Env: spec.Env, Stderr: os.Stderr}
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	child := line.Accept()
	if err := starter.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.ExpectDeath(time.Second)
	_ = starter.Wait()
}

// A child of another user is marked, measured, stopped and killed like any other.
func TestChildOfAnotherUserIsStoppedAndFound(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	spec, ok := nobodySpec(t, "ignore-term", line.Address())
	if !ok {
		return
	}
	spec.Mark = orphan.NewMark(t.Name())
	p := start(t, spec)
	child := line.Accept()
	if environ, err := procfs.Environ(child.PID); err != nil || !strings.Contains(environ, spec.Mark.Env()+"\x00") {
		t.Errorf("process %d does not have its mark: %v", child.PID, err)
	}
	if u := usage(t, p); u.Memory == 0 {
		t.Errorf("usage = %+v, want some memory", u)
	}
	if exit := p.Stop(t.Context(), 20*time.Millisecond); exit.Signal != syscall.SIGKILL {
		t.Errorf("exit = %+v, want killed", exit)
	}
	child.ExpectDeath(time.Second)

	p = start(t, spec)
	child = line.Accept()
	if killed, err := orphan.KillMarked(spec.Mark, processtest.Limit); killed != 1 || err != nil {
		t.Errorf("killed %d, %v, want one", killed, err)
	}
	child.ExpectDeath(processtest.Limit)
	await(t, p)
}
