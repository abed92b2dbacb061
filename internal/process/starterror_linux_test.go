package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func init() {
	roles["out-of-files"] = roleOutOfFiles
	roles["no-forks"] = roleNoForks
}

func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	for name, file := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"data":       {"just text", 0o644},
		"lost":       {"#!/nonexistent/python -u\n", 0o755},
		"garbage":    {"\x00\x01\x02\x03", 0o755},
		"bin/script": {"#!/bin/sh\n", 0o644},
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(file.text), file.mode)); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=" + dir + "/bin"}
	tests := []struct {
		spec Spec
		want string // DIR stands for dir
		is   error
	}{
		{Spec{}, "command: no program given; set command:", syscall.EINVAL},
		{Spec{Argv: []string{""}}, "command: no program given; set command:", syscall.EINVAL},
		{Spec{Argv: []string{"bun", "run", "app.ts"}, Env: env}, "bun: not found on PATH; npm install -g bun, or set command:", exec.ErrNotFound},
		{Spec{Argv: []string{"node"}, Env: env}, "node: not found on PATH; install Node.js (https://nodejs.org), or set command:", exec.ErrNotFound},
		{Spec{Argv: []string{"foo"}, Env: env}, "foo: not found on PATH; install it, or set command:", exec.ErrNotFound},
		{Spec{Argv: []string{"script"}, Env: env}, "script: DIR/bin/script is not executable; chmod +x DIR/bin/script", fs.ErrPermission},
		{Spec{Argv: []string{"./data"}, Dir: dir}, "./data: DIR/data is not executable; chmod +x DIR/data", fs.ErrPermission},
		{Spec{Argv: []string{dir + "/bin"}}, "DIR/bin: is a folder; set command: to a program", syscall.EACCES},
		{Spec{Argv: []string{"./absent"}, Dir: dir}, "./absent: DIR/absent does not exist; create it, or set command:", fs.ErrNotExist},
		{Spec{Argv: []string{"./data/absent"}, Dir: dir}, "./data/absent: DIR/data/absent does not exist; create it, or set command:", syscall.ENOTDIR},
		{Spec{Argv: []string{"./lost"}, Dir: dir}, "./lost: DIR/lost needs /nonexistent/python, which does not exist; install it, or correct the #! line", fs.ErrNotExist},
		{Spec{Argv: []string{"./garbage"}, Dir: dir}, "./garbage: DIR/garbage is not a program for this machine; build it for this system, or give a script its #! line", syscall.ENOEXEC},
		{Spec{Argv: []string{"/bin/sh"}, Dir: dir + "/absent"}, "/bin/sh: cannot start in DIR/absent: no such file or directory; create the folder, or set workDir:", fs.ErrNotExist},
		{Spec{Argv: []string{"/bin/sh"}, Dir: dir + "/data"}, "/bin/sh: cannot start in DIR/data: not a folder; set workDir:", syscall.ENOTDIR},
		{Spec{Argv: []string{"/bin/sh", strings.Repeat("x", 4<<20)}}, "/bin/sh: cannot start: argument list too long", syscall.E2BIG},
		{Spec{Argv: []string{"node app.js --port 5001"}, Env: env}, "node app.js --port 5001: not found on PATH; the program and each argument are separate items: [node, app.js, --port, 5001]", exec.ErrNotFound},
		{Spec{Argv: []string{dir + "/lost -v"}}, "DIR/lost -v: does not exist; the program and each argument are separate items: [DIR/lost, -v]", fs.ErrNotExist},
		{Spec{Argv: []string{dir + "/my app"}}, "DIR/my app: does not exist; create it, or set command:", fs.ErrNotExist},
		{Spec{Argv: []string{"a\nb"}}, "a\ufffdb: not found on PATH; install it, or set command:", exec.ErrNotFound},
	}
	for _, test := range tests {
		want := strings.ReplaceAll(test.want, "DIR", dir)
		p, err := Start(test.spec)
		if p != nil || err == nil || err.Error() != want {
			t.Errorf("Start(%.40q) = %v, want %s", test.spec.Argv, err, want)
		}
		var startErr *StartError
		if !errors.As(err, &startErr) || !errors.Is(err, test.is) {
			t.Errorf("Start(%.40q) = %#v, want a *StartError that is %v", test.spec.Argv, err, test.is)
		}
	}
}

// These cannot be had on demand by every user that runs the tests.
func TestLimitErrors(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.EAGAIN: "app: no more processes allowed; raise the process limit (ulimit -u, pids.max of the cgroup)",
		syscall.ENOMEM: "app: not enough memory to start a process; free memory, or raise the memory limit",
		syscall.EMFILE: "app: too many open files; raise the limit (ulimit -n)",
		syscall.EACCES: "app: /bin/sh: permission denied; check that this user may run it (chmod +x) and that its disk is not mounted noexec",
		syscall.ENOENT: "app: /bin/sh needs a dynamic loader that does not exist; use a build for this system's C library (glibc or musl)",
		syscall.EIO:    "app: cannot start: input/output error",
	} {
		cause := &fs.PathError{Op: "fork/exec", Path: "/bin/sh", Err: errno}
		err := explain(Spec{Argv: []string{"app"}}, "/bin/sh", cause)
		if err.Error() != want || !errors.Is(err, errno) {
			t.Errorf("%v = %q, want %q", errno, err, want)
		}
	}
}

// One limit that anybody can run into.
func TestOutOfFiles(t *testing.T) {
	exit := await(t, start(t, roleSpec("out-of-files")))
	if want := "/bin/true: too many open files; raise the limit (ulimit -n)"; exit.Code != 0 || fmt.Sprint(exit.Output) != "["+want+"]" {
		t.Errorf("exit = %+v, want %q", exit, want)
	}
}

// roleOutOfFiles opens all the files it may, and then tries to start a child.
func roleOutOfFiles([]string) int {
	if p, err := Start(Spec{Argv: []string{"/bin/true"}}); err == nil { // what is made once is made now
		<-p.Done()
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		panic(err)
	}
	var held []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		held = append(held, f)
	}
	_, err := Start(Spec{Argv: []string{"/bin/true"}})
	fmt.Println(err)
	for _, f := range held {
		_ = f.Close()
	}
	return 0
}

// A user that has no process left to fork: the start fails with a line that says
// so, leaves nothing, and succeeds when there is room again.
func TestForkFailsForWantOfProcesses(t *testing.T) {
	spec := roleSpec("no-forks")
	if os.Geteuid() == 0 { // whom that limit does not hold for
		spec, _ = nobodySpec(t, "no-forks")
	}
	exit := await(t, start(t, spec))
	if exit.Code != 0 || len(exit.Output) != 1 || exit.Output[0] != "/bin/true: no more processes allowed; raise the process limit (ulimit -u, pids.max of the cgroup)" {
		t.Errorf("exit = %+v, want one line that says what is wrong", exit)
	}
}

// roleNoForks tries to start a child without the right to a further process.
func roleNoForks([]string) int {
	run := func() error {
		p, err := Start(Spec{Argv: []string{"/bin/true"}, Mark: NewMark("test"), Output: func(Line) {}})
		if err == nil {
			<-p.Done()
		}
		return err
	}
	// Threads are processes to the limit: have what it takes of them now.
	lockedGoroutinesKept(16)
	if err := run(); err != nil {
		panic(err)
	}
	files, goroutines := openFiles(), runtime.NumGoroutine()
	var before unix.Rlimit
	if err := errors.Join(
		unix.Getrlimit(unix.RLIMIT_NPROC, &before),
		unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: 1, Max: before.Max}),
	); err != nil {
		panic(err)
	}
	err := run()
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &before); err != nil {
		panic(err)
	}
	fmt.Println(err)
	var startErr *StartError
	switch {
	case !errors.As(err, &startErr) || !errors.Is(err, syscall.EAGAIN):
		return 1
	case settled(func() int { return len(openFiles()) }, len(files)) > len(files):
		return 2
	case settled(runtime.NumGoroutine, goroutines) > goroutines:
		return 3
	case len(cgroupsOf(thisRun())) > 0:
		return 4
	case run() != nil:
		return 5
	}
	return 0
}
