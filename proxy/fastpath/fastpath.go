// Package fastpath carries plain HTTP/1.1 between clients and instances in event
// loops (epoll), as nginx and HAProxy do: no goroutine, no allocation and four
// system calls on sockets for a request. It is for Linux. What it does not own
// it hands over, socket and unread bytes together, before a byte of it was
// forwarded: HTTP/2, TLS, and the one path that is not the app's.
//
// # Who owns what
//
//	Engine     the loops, and one accepting goroutine for each listener
//	loop       one epoll and all connections on it, clients' and instances'. All
//	           of them are touched by the loop's goroutine only
//	inbox      what others hand in to a loop: the only lock here
//	wheel      what is to happen when nothing else does
//	buffers    memory for bytes in flight; an idle connection has none
//	conn       a socket, what is known to be ready on it, and its state
//	exchange   a request and its response, between two conns
//	pool       the idle connections to one instance
//
// # A client's connection
//
//	             .------------- reuse -------------.
//	             v                                 |
//	accept -> awaiting -> exchanging -> respond ---+
//	             |            |                    |
//	 bad request |            | 101                | last response
//	             |            |                    |
//	         lingering    tunnelling            lingering, closed
//	             |            |
//	             `-> closed <-'     awaiting may also end in a handover
//
// # An exchange
//
//	begin      the head of the request is read, and written anew for the instance
//	claim      an instance is claimed; if there is none, it waits in the registry
//	attempt    an idle connection to it, or connecting -> a new one
//	sending    head and content go to the instance (upload)
//	receiving  the head of the response comes, is written anew for the client
//	           (response); its content follows (download)
//	finish     both connections are reused, or closed; the claim is given back
//
// A client that ends its side of the connection after its request gets the
// response, however long that takes. TCP does not tell a client that is done
// sending from one that is gone until it is sent something: one that is gone
// resets the connection then. Keep-alive probes do the same, once the client's
// kernel has forgotten the connection (a minute on Linux). A client that resets its
// connection ends its exchange at once.
//
// Sending and receiving go on side by side. A connection that breaks before the
// response begins leads back to attempt or claim, as package policy's rules allow.
//
// # What a loop promises
//
// It never blocks but for events. It does a bounded amount of work for one
// connection before it looks at the next. Bytes that one side cannot take are
// not read from the other: per exchange and direction, one buffer at most is in
// flight here, and besides informational responses (policy.MaxInterim).
package fastpath

import (
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/internal/settings"
	"github.com/dynlb/dynlb/proxy/policy"
)

// Options are what an Engine needs. Only Registry is required.
type Options struct {
	// Registry says which instance a request goes to.
	Registry *registry.Registry
	// Settings are how requests are carried, until Configure.
	Settings settings.Settings
	// Handover takes over a connection that is not for the engine: its first
	// bytes are the HTTP/2 preface or a TLS ClientHello, or it asks for
	// StatusPath. The bytes in unread were read already. Handover calls closed when
	// the connection is closed, and must not block. Nil: such connections are
	// treated as all others.
	Handover func(conn net.Conn, unread []byte, closed func())
	// StatusPath is the one path that is not the app's. Empty: there is none.
	StatusPath string
	// Conduct is what is known of the instances. Nil: the engine has its own.
	Conduct *policy.Conduct
	// Record is called once for each request, as proxy.Options says. It must not
	// block.
	Record func(code int, took time.Duration)
	// Log gets one line for each failed request. Nil: none are written.
	Log *slog.Logger
	// Loops is how many event loops there are. Zero: GOMAXPROCS.
	Loops int
}

// CutError says that Shutdown ran out of time.
type CutError struct {
	Open  int   // how many requests and tunnels were cut off
	Cause error // why the time was up
}

func (e *CutError) Error() string {
	return fmt.Sprintf("drain requests: %d cut off: %v", e.Open, e.Cause)
}

func (e *CutError) Unwrap() error { return e.Cause }

// withDefaults returns o with the defaults where it is zero.
func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Record == nil {
		o.Record = func(int, time.Duration) {}
	}
	if o.Conduct == nil {
		o.Conduct = new(policy.Conduct)
	}
	o.Settings = o.Settings.WithDefaults()
	return o
}
