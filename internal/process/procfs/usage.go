package procfs

import "time"

// Usage is what a set of processes uses of the machine. The zero Usage is that
// of no process.
type Usage struct {
	// Memory is the resident memory in bytes. A page that several processes
	// share (program code, memory not written since a fork) counts once for each.
	// The kernel adds pages to its count in batches for each processor: it was seen
	// to be 32 pages, 128 KiB, behind for a process (proc_pid_stat(5): rss).
	Memory uint64
	// CPU is the processor time, user and system.
	CPU time.Duration
	// Suspended reports whether one of them is stopped by a signal (SIGSTOP,
	// SIGTSTP) or by a debugger: it does nothing until it is continued.
	Suspended bool
}
