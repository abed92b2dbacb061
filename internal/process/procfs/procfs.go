// Package procfs reads what the kernel shows of processes in /proc: which exist
// and who their parents are, the TCP ports they listen on, the memory and
// processor time they use, and their environment.
//
// A process may end, and its pid be reused, between a read and the use of its
// result. Functions that read many processes leave out those that have ended.
// Identity tells two processes with the same pid apart, and KillIf checks its
// target again before it sends the signal.
//
// The package has no state, starts nothing and imports no other package of
// dynlb. On systems other than Linux it compiles, and its functions return
// errors that wrap errors.ErrUnsupported. All functions are safe for concurrent
// use.
package procfs
