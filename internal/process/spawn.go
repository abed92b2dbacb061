package process

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
)

// spawner hands work to the one goroutine that starts children. It is started
// with the first child and never ends: see spawnLoop.
var spawner = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go spawnLoop(work) // never ends, by design
	return work
})

// spawn starts a command on the spawner's thread.
func spawn(cmd *exec.Cmd) error {
	done := make(chan error)
	spawner() <- func() { done <- cmd.Start() }
	return <-done
}

// spawnLoop starts all children from one operating system thread that lives as
// long as dynlb. The parent-death signal follows the thread that forked, not
// the process (golang/go#27505): started from any other goroutine, a child would be
// killed when the Go runtime ends that thread, as it does when a goroutine
// exits while locked to it. So the thread is locked, never unlocked, and the
// loop never returns. Tests with a leak check ignore it by name.
func spawnLoop(work <-chan func()) {
	runtime.LockOSThread()
	closeInheritedOnExec()
	for f := range work {
		f()
	}
}

// closeInheritedOnExec marks the file descriptors that dynlb was itself started
// with (a shell's redirection, a leaky parent) close-on-exec, so that children
// do not get them. Those that Go opens are marked from the start. Where /dev/fd
// cannot be read, inherited ones are passed on.
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
