// Package eventloop carries connections in event loops, as nginx and HAProxy do:
// a few goroutines serve many sockets, and none of them ever blocks on one. It
// knows no protocol; that sits above it, behind two small interfaces. It is for
// Linux: poller_linux.go, socket_linux.go, pipe_linux.go and detach_linux.go hold
// all that depends on its kernel.
//
//	Group     the loops, the listeners they accept on, and how many connections
//	          may be open
//	Loop      one poller and all connections on it; one goroutine touches them
//	Protocol  what a loop's connections speak: it is given each accepted socket
//	Conn      a socket, what is known to be ready on it, and the bytes that wait
//	Handler   the owner of a Conn: it is called when something is ready, or late
//	Timer     a deadline in the loop's wheel
//	Task      work that another goroutine posts to a loop
//	Backlog   bytes that wait; the loop's Buffers hold them
//	Pipe      bytes on their way from one socket to another inside the kernel
//
// # What a loop promises
//
//   - All methods of a Handler, Protocol, Timer owner and Task are called by the
//     loop's goroutine, one at a time. What belongs to a loop needs no lock.
//   - What has arrived is handled before what did not arrive in time: a turn first
//     notes what is ready on all connections, then calls their handlers, then runs
//     the posted tasks, then expires timers.
//   - Readiness is edge-triggered and remembered: a handler that stops early calls
//     Conn.Later to be called again in the next turn. A handler that works on one
//     connection no longer than MaxRounds reads or writes leaves time to the others.
//   - A deadline is met at most two ticks late (34 ms), as long as the machine has
//     time for the loop. Time in which the loop itself was held up, in a stopped
//     process for example, does not count against any deadline.
//   - Nothing is allocated for an event, a timer, a task or bytes in transit, once
//     the loop has the buffers it needs. An idle connection holds no buffer.
//
// A panic in a handler ends the process, as in any goroutine. A protocol that is
// to survive faults of its own recovers in its handlers.
package eventloop
