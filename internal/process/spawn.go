package process

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/dynlb/dynlb/internal/process/reap"
)

// spawner returns the channel to the goroutine that starts all children. The first
// child starts that goroutine, which never ends: see spawnLoop.
var spawner = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go spawnLoop(work) // never ends, by design
	return work
})

// here says that children are started by the goroutines that call Start.
var here atomic.Bool

// SpawnHere has each child be started on the thread of the goroutine that starts it. The
// caller has all of them started on one thread, which must not end before the process: see
// spawnLoop. It is called before the first start.
func SpawnHere() {
	closeInheritedOnExec()
	here.Store(true)
}

// spawn starts a command on the spawner's thread.
func spawn(cmd *exec.Cmd) error {
	if here.Load() {
		return reap.Start(cmd)
	}
	done := make(chan error)
	spawner() <- func() { done <- reap.Start(cmd) }
	return <-done
}

// spawnLoop starts all children from one operating system thread that lives as
// long as dynlb. The kernel sends the parent-death signal when the thread that
// forked ends, not when the process does (golang/go#27505). Started from another
// goroutine, a child would be killed when the Go runtime ends that thread, as it
// does when a goroutine exits while locked to it. So this goroutine locks its
// thread, never unlocks it, and never returns. Tests that look for leaked
// goroutines ignore this one by name.
func spawnLoop(work <-chan func()) {
	runtime.LockOSThread()
	closeInheritedOnExec()
	for f := range work {
		f()
	}
}

// closeInheritedOnExec marks the file descriptors that dynlb inherited (from a
// shell's redirection, or a parent that leaks them) close-on-exec, so that
// children do not get them. Go marks those that it opens itself. Where /dev/fd
// cannot be read, children get the inherited ones.
func closeInheritedOnExec() {
	dir, err := os.Open("/dev/fd")
	if err != nil {
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if fd, err := strconv.Atoi(name); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}
