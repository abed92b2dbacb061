// Package processtest is the support of the tests of internal/process and its
// parts: the test program itself plays the child processes that they need. A
// child plays a Role, and may hold a connection to a Lifeline, which tells the
// test when the child dies.
//
// It imports no other package of dynlb, so that the tests of each may use it. It
// panics where a test cannot go on.
package processtest

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Limit bounds every wait of a test. Only a failing test uses it up.
const Limit = 30 * time.Second

// RoleEnv is the environment variable that has the test program play a child: its
// value names a role.
const RoleEnv = "PROCESS_TEST_ROLE"

// readyEnv names the file descriptor that a role closes when it is ready.
const readyEnv = "PROCESS_TEST_READY"

// Role is what a child does. It gets the arguments of the program, and returns the
// exit status.
type Role func(args []string) int

// Play plays the role that the environment names: one of this package, or of own.
// It returns the exit status, and false when the environment names none. TestMain
// calls it first.
func Play(own map[string]Role) (status int, played bool) {
	name, ok := os.LookupEnv(RoleEnv)
	if !ok {
		return 0, false
	}
	role := own[name]
	if role == nil {
		role = roles[name]
	}
	return role(os.Args[1:]), true
}

// Argv returns the command line of a child.
func Argv(args ...string) []string {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return append([]string{self}, args...)
}

// Env returns the environment of a child that plays a role: that of the test, and
// the name of the role.
func Env(role string) []string {
	return append(os.Environ(), RoleEnv+"="+role,
		"GORACE=atexit_sleep_ms=0") // else each exit takes a second
}

// Command returns a child that plays a role, for a test that starts it by itself.
func Command(role string, args ...string) *exec.Cmd {
	argv := Argv(args...)
	return &exec.Cmd{Path: argv[0], Args: argv, Env: Env(role), Stderr: os.Stderr}
}

// Start starts a command that is killed at the end of the test.
func Start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// Settle calls count until it is at most limit, and returns the last count. It is
// for what ends without an event to wait for, some time after it is done: the
// runtime's goroutines and files, and the kernel's processes.
func Settle(count func() int, limit int) int {
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	n := count()
	for deadline := time.Now().Add(Limit); n > limit && time.Now().Before(deadline); n = count() {
		<-poll.C
	}
	return n
}

// WriteProgram writes a file that a test executes, and makes its folder. It keeps
// other tests from starting a child meanwhile: that child would hold the file open
// for writing until its execve, and the kernel refuses to execute such a file
// (ETXTBSY; golang/go#22315).
func WriteProgram(path string, program []byte, mode fs.FileMode) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, program, mode))
}

// OpenDir makes a folder that every user may enter.
func OpenDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
