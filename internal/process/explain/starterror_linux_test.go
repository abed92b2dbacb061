package explain_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/explain"
	"github.com/dynlb/dynlb/internal/process/processtest"
)

func TestStartErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, file := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"data":       {"just text", 0o644},
		"lost":       {"#!/nonexistent/python -u\n", 0o755},
		"garbage":    {"\x00\x01\x02\x03", 0o755},
		"bin/script": {"#!/bin/sh\n", 0o644},

		"node_modules/bun/bin/bun.exe": {"echo \"postinstall was not run\" >&2\nexit 1\n", 0o755},
		"node_modules/@a/b/run":        {"exit 1\n", 0o755},
	} {
		path := filepath.Join(dir, name)
		if err := processtest.WriteProgram(path, []byte(file.text), file.mode); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=" + dir + "/bin"}
	tests := []struct {
		spec process.Spec
		want string // DIR stands for dir
		is   error
	}{
		{process.Spec{}, "command: no program given; set command in the config", syscall.EINVAL},
		{process.Spec{Argv: []string{""}}, "command: no program given; set command in the config", syscall.EINVAL},
		{process.Spec{Argv: []string{"bun", "run", "app.ts"}, Env: env}, "bun: not found on PATH; npm install -g --allow-scripts=bun bun, or set command in the config", exec.ErrNotFound},
		{process.Spec{Argv: []string{"node"}, Env: env}, "node: not found on PATH; install Node.js (https://nodejs.org), or set command in the config", exec.ErrNotFound},
		{process.Spec{Argv: []string{"foo"}, Env: env}, "foo: not found on PATH; install it, or set command in the config", exec.ErrNotFound},
		{process.Spec{Argv: []string{"script"}, Env: env}, "script: DIR/bin/script is not executable; chmod +x DIR/bin/script", fs.ErrPermission},
		{process.Spec{Argv: []string{"./data"}, Dir: dir}, "./data: DIR/data is not executable; chmod +x DIR/data", fs.ErrPermission},
		{process.Spec{Argv: []string{dir + "/bin"}}, "DIR/bin: is a folder; set command in the config to a program", syscall.EACCES},
		{process.Spec{Argv: []string{"./absent"}, Dir: dir}, "./absent: DIR/absent does not exist; create it, or set command in the config", fs.ErrNotExist},
		{process.Spec{Argv: []string{"./data/absent"}, Dir: dir}, "./data/absent: DIR/data/absent does not exist; create it, or set command in the config", syscall.ENOTDIR},
		{process.Spec{Argv: []string{"./lost"}, Dir: dir}, "./lost: DIR/lost needs /nonexistent/python, which does not exist; install it, or correct the #! line", fs.ErrNotExist},
		{process.Spec{Argv: []string{"./node_modules/bun/bin/bun.exe"}, Dir: dir}, "./node_modules/bun/bin/bun.exe: DIR/node_modules/bun/bin/bun.exe is not the program yet: the install script of its package did not run; npm install -g --allow-scripts=bun bun", syscall.ENOEXEC},
		{process.Spec{Argv: []string{"./node_modules/@a/b/run"}, Dir: dir}, "./node_modules/@a/b/run: DIR/node_modules/@a/b/run is not the program yet: the install script of its package did not run; npm install -g --allow-scripts=@a/b @a/b", syscall.ENOEXEC},
		{process.Spec{Argv: []string{"./garbage"}, Dir: dir}, "./garbage: DIR/garbage is not a program for this machine; build it for this system, or give a script its #! line", syscall.ENOEXEC},
		{process.Spec{Argv: []string{"/bin/sh"}, Dir: dir + "/absent"}, "/bin/sh: cannot start in DIR/absent: no such file or directory; create the folder, or set workDir:", fs.ErrNotExist},
		{process.Spec{Argv: []string{"/bin/sh"}, Dir: dir + "/data"}, "/bin/sh: cannot start in DIR/data: not a folder; set workDir:", syscall.ENOTDIR},
		{process.Spec{Argv: []string{"/bin/sh", strings.Repeat("x", 4<<20)}}, "/bin/sh: cannot start: argument list too long", syscall.E2BIG},
		{process.Spec{Argv: []string{"npm ci && node app.js"}, Env: env}, `npm ci && node app.js: not found on PATH; no shell reads it; to have one, write [sh, -c, "npm ci && node app.js"]`, exec.ErrNotFound},
		{process.Spec{Argv: []string{"node app.js --port 5001"}, Env: env}, "node app.js --port 5001: not found on PATH; the program and each argument are separate items: [node, app.js, --port, 5001]", exec.ErrNotFound},
		{process.Spec{Argv: []string{dir + "/lost -v"}}, "DIR/lost -v: does not exist; the program and each argument are separate items: [DIR/lost, -v]", fs.ErrNotExist},
		{process.Spec{Argv: []string{dir + "/my app"}}, "DIR/my app: does not exist; create it, or set command in the config", fs.ErrNotExist},
		{process.Spec{Argv: []string{"a\nb"}}, "a\ufffdb: not found on PATH; install it, or set command in the config", exec.ErrNotFound},
	}
	for _, test := range tests {
		want := strings.ReplaceAll(test.want, "DIR", dir)
		p, err := process.Start(test.spec)
		if p != nil || err == nil || err.Error() != want {
			t.Errorf("Start(%.40q) = %v, want %s", test.spec.Argv, err, want)
		}
		var startErr *explain.StartError
		if !errors.As(err, &startErr) || !errors.Is(err, test.is) {
			t.Errorf("Start(%.40q) = %#v, want a *StartError that is %v", test.spec.Argv, err, test.is)
		}
	}
}

// Not every user that runs the tests can provoke these.
func TestLimitErrors(t *testing.T) {
	t.Parallel()
	for errno, want := range map[syscall.Errno]string{
		syscall.EAGAIN: "app: no more processes allowed; raise the process limit (ulimit -u, pids.max of the cgroup)",
		syscall.ENOMEM: "app: not enough memory to start a process; free memory, or raise the memory limit",
		syscall.EMFILE: "app: too many open files; raise the limit (ulimit -n)",
		syscall.EACCES: "app: /bin/sh: permission denied; check that this user may run it (chmod +x) and that its disk is not mounted noexec",
		syscall.ENOENT: "app: /bin/sh needs a dynamic loader that does not exist; use a build for this system's C library (glibc or musl)",
		syscall.EIO:    "app: cannot start: input/output error",
	} {
		cause := &fs.PathError{Op: "fork/exec", Path: "/bin/sh", Err: errno}
		err := explain.Start(explain.Command{Argv: []string{"app"}, File: "/bin/sh"}, cause)
		if err.Error() != want || !errors.Is(err, errno) {
			t.Errorf("%v = %q, want %q", errno, err, want)
		}
	}
}
