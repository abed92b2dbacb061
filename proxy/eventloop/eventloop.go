// Package eventloop carries connections in event loops, as nginx and HAProxy do: a
// few goroutines serve many sockets, and none of them blocks on a socket. The package
// knows no protocol; a protocol uses it through two small interfaces. It is for Linux:
// the files whose names end in _linux.go hold all code that depends on its kernel.
//
//	Group     the loops, the listeners they accept on, and how many connections
//	          may be open
//	Loop      one poller and all connections on it; one goroutine touches them
//	Protocol  the protocol that a loop's connections speak; it takes accepted sockets
//	Conn      a socket, its readiness, and the bytes that wait; with Secure also its TLS
//	Handler   the owner of a Conn; the loop calls it when the socket is ready, or late
//	Channel   what a Conn has in place of a socket that is one of several within another
//	Timer     a deadline in the loop's wheel
//	Task      work that another goroutine posts to a loop
//	Backlog   bytes that wait; the loop's Buffers hold them
//	Pipe      bytes on their way from one socket to another inside the kernel
//
// # What a loop promises
//
//   - All methods of a Handler, Protocol, Timer owner and Task are called by the
//     loop's goroutine, one at a time. State that belongs to a loop needs no lock.
//   - Events are handled before timers: a turn first notes the readiness of all
//     connections, then calls their handlers, then runs the posted tasks, then expires
//     timers. A message that has arrived is not late.
//   - Readiness is edge-triggered and remembered: a handler that stops early calls
//     Conn.Later to be called again in the next turn. A handler stops after MaxRounds
//     reads or writes, so that other connections have their turn.
//   - A deadline is met at most two ticks late (34 ms), as long as the machine has
//     time for the loop. Time in which the loop itself was held up, in a stopped
//     process for example, does not count against any deadline.
//   - Nothing is allocated for an event, a timer, a task or bytes in transit, once
//     the loop has the buffers it needs. An idle connection holds no buffer.
//
// A panic in a handler ends the process, as in any goroutine. A protocol that must
// survive its own bugs recovers in its handlers.
package eventloop
