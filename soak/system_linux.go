package main

import "syscall"

// ownGroup makes a child the leader of a process group of its own, so that a
// Ctrl-C ends it through this program and in order. The kernel ends it when this
// program is killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// signalGroup sends a signal to all processes of an instance, which leads a process
// group of its own.
func signalGroup(pid int, sig syscall.Signal) error { return syscall.Kill(-pid, sig) }
