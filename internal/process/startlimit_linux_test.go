package process

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/internal/process/explain"
	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/processtest"
)

func init() {
	roles["out-of-files"] = roleOutOfFiles
	roles["no-forks"] = roleNoForks
}

// A start without a free file descriptor fails with a line that says so.
func TestOutOfFiles(t *testing.T) {
	t.Parallel()
	exit := await(t, start(t, roleSpec("out-of-files")))
	if want := "/bin/true: too many open files; raise the limit (ulimit -n)"; exit.Code != 0 || fmt.Sprint(exit.Output) != "["+want+"]" {
		t.Errorf("exit = %+v, want %q", exit, want)
	}
}

// roleOutOfFiles opens as many files as the limit allows, then tries to start a child
func roleOutOfFiles([]string) int {
	if p, err := Start(Spec{Argv: []string{"/bin/true"}}); err == nil { // opens what stays open after the first start
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

// A start fails with a line that says so when the user has no process left to fork.
// It leaves nothing behind, and works once the limit allows it.
func TestForkFailsAtTheProcessLimit(t *testing.T) {
	t.Parallel()
	spec := roleSpec("no-forks")
	if os.Geteuid() == 0 { // the limit does not apply to root
		spec, _ = nobodySpec(t, "no-forks")
	}
	exit := await(t, start(t, spec))
	if exit.Code != 0 || len(exit.Output) != 1 || exit.Output[0] != "/bin/true: no more processes allowed; raise the process limit (ulimit -u, pids.max of the cgroup)" {
		t.Errorf("exit = %+v, want the one line", exit)
	}
}

// roleNoForks tries to start a child when the limit allows no further process
func roleNoForks([]string) int {
	run := func() error {
		p, err := Start(Spec{Argv: []string{"/bin/true"}, Mark: orphan.NewMark("test"), Output: func(Line) error { return nil }})
		if err == nil {
			<-p.Done()
		}
		return err
	}
	// The limit counts threads too: make those that a start needs now.
	keepThreads(16)
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
	var startErr *explain.StartError
	switch {
	case !errors.As(err, &startErr) || !errors.Is(err, syscall.EAGAIN):
		return 1
	case processtest.Settle(openFiles, files) > files:
		return 2
	case processtest.Settle(runtime.NumGoroutine, goroutines) > goroutines:
		return 3
	case ownCgroups() > 0:
		return 4
	case run() != nil:
		return 5
	}
	return 0
}
