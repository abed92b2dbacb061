// Package keeper is the process that stays while dynlb is replaced: the keeper. It is the
// parent of the instances, of the guard, and of the worker, which is all the rest of dynlb.
// A worker that dies takes no instance with it, and another one may take its place beside
// it.
//
//	keeper (the main process)
//	├── guard      kills what is left when the keeper is gone
//	├── instances  forked by the main thread of the keeper
//	└── worker     proxy, supervisor, autoscaler and control plane; for a while two
//
// The keeper has the children, the read ends of their output, duplicates of the listening
// sockets, and the last state that a worker has saved. It has no config, speaks no HTTP,
// checks no health and carries no request. One loop owns all of this.
//
// # The messages
//
// A worker and the keeper speak over a socket of type SOCK_SEQPACKET, which the worker
// inherits: each packet is one message of JSON with its kind and a body of that kind, and
// descriptors go along by SCM_RIGHTS. Unknown fields are ignored. The first message of a
// worker is hello with its [Protocol]; the keeper ends a worker whose protocol it does not
// speak.
//
//	worker                          keeper
//	hello                      ──►
//	                           ◄──  running, for each instance; listener, for each socket
//	                           ◄──  welcome
//	ready                      ──►
//	                           ◄──  serve, when no other worker serves
//	listen, spawn, signal, save ─►  from the worker that serves only
//	                           ◄──  exited, spawned, done, inflight
//	                           ◄──  report, after an upgrade
//	                           ◄──  retire, when another worker is to serve
//	frozen, inflight, bye      ──►  or refuse: this one goes on
//	reject                     ──►  the config, and end
//
// The epoch is the number of workers that have been told to serve. What a worker of an
// earlier epoch asks for is refused with [ErrRetired]: an instance never has two owners,
// also when a worker was stopped for a while and goes on later.
package keeper
