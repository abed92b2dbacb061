package prelude

import (
	"os"
	"os/signal"
	"syscall"
)

// fromSystemd are variables of systemd, and of what speaks like it. Then the keeper takes
// sockets and variables from what a worker inherits before it starts one.
var fromSystemd = []string{"LISTEN_FDS", "NOTIFY_SOCKET", "WATCHDOG_USEC"}

// startWorker starts the worker of a keeper with these arguments. After a failure, the keeper
// starts one and says why it cannot.
func startWorker(serve []string) {
	for _, name := range fromSystemd {
		if _, ok := os.LookupEnv(name); ok {
			return
		}
	}
	if signal.Ignored(os.Interrupt) { // the keeper handles it all the same, and a worker that inherits this would not
		return
	}
	args, err := workerArgs(serve)
	if err != nil {
		return
	}
	program, err := os.Executable()
	if err != nil || !isThis(program) {
		return
	}
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	ours, theirs := ends[0], ends[1]
	defer func() { _ = syscall.Close(theirs) }() // the worker has a duplicate
	// os.StartProcess would first start another process, to see whether pidfds work.
	pid, err := syscall.ForkExec(program, args, &syscall.ProcAttr{
		Env:   append(withoutKeeper(os.Environ()), KeeperVariable+"=3"), // FirstExtra
		Files: []uintptr{0, 1, 2, uintptr(theirs)},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		_ = syscall.Close(ours) // it was not used
		return
	}
	early = &Worker{PID: pid, Socket: os.NewFile(uintptr(ours), "keeper")}
}

// isThis reports whether a file is the program of this process, and not another one that has
// taken its place since.
func isThis(program string) bool {
	file, err := os.Stat(program)
	if err != nil {
		return false
	}
	this, err := os.Stat("/proc/self/exe")
	return err == nil && os.SameFile(file, this)
}

// withoutKeeper leaves out the keeper of a process further up: the kernel's fork takes the
// first of two variables with one name.
func withoutKeeper(environ []string) (out []string) {
	const start = KeeperVariable + "="
	for _, v := range environ { // the package strings needs unicode, which comes late
		if len(v) < len(start) || v[:len(start)] != start {
			out = append(out, v)
		}
	}
	return out
}
