// Package fast carries HTTP/1.1 and HTTP/2 between clients and instances in event
// loops: no goroutine, no allocation and four system calls on sockets for a
// request. It is HTTP on top of package eventloop, which owns sockets, timers and
// buffers. It hands over other connections, socket and unread bytes together, before
// it has forwarded a byte of them: requests for the one path that is not the app's.
// Clients speak either plain TCP or TLS.
//
// # The types
//
//	Engine     the event loops, and the state that they share
//	worker     one loop's part: pools of connections to instances, spare memory
//	client     a connection from a client
//	shaking    the TLS handshake of a client, in a goroutine of its own
//	request    one request on its way to an instance: claim, attempts, sending
//	response   the response to it on its way back
//	upstream   a connection to an instance
//	tunnel     a client and an upstream that have switched to another protocol
//	session    a client's connection that speaks HTTP/2; package http2 reads its frames
//	stream     one request of it: a client whose connection is a channel of the session
//
// # A client's connection
//
//	securing    TLS only: the handshake is not done      -> awaiting, lingering, closed,
//	                                                        or handed over
//	awaiting    the head of a request has not arrived    -> exchanging, lingering, closed,
//	                                                        multiplexed, or handed over
//	exchanging  its request is carried                   -> awaiting, lingering, tunnelled, closed
//	tunnelled   it is a side of a tunnel                 -> closed
//	multiplexed it speaks HTTP/2: see below              -> lingering, closed
//	lingering   the last response was sent; bytes that   -> closed
//	            the client still sends are dropped
//
// With TLS, eventloop.Conn decrypts what is read and encrypts what is written, so that
// only securing knows of it. A goroutine does the handshake when the first bytes have
// arrived: it computes for up to a millisecond, and its callbacks may wait. A connection
// that is idle has no goroutine, and no buffer but what crypto/tls keeps.
//
// A client that ends its output after its request gets the response, however long
// that takes. TCP does not tell a client that has ended its output from one that is
// gone until something is sent to it: one that is gone resets the connection then.
// Keep-alive probes have the same effect once the client's kernel has forgotten the
// connection (a minute on Linux). A client that resets its connection ends its
// request at once.
//
// # HTTP/2
//
// The client of a request of HTTP/2 is a stream. It begins as exchanging, with the head of
// its request in HTTP/1.1, and the request reads its content and sends the response as if
// it had a connection of HTTP/1.1. Only the head of the response, informational responses
// and the end differ: request and response ask client.stream for them. What the client's
// windows or its connection do not take waits in the stream, so the instance is not read
// meanwhile. All frames of a turn of the loop are written together.
//
// A session is asked to leave (GOAWAY) before it is closed, and closed policy.DrainGrace
// later, when it has no request any more. A client that ends its output is gone.
//
// # A connection to an instance
//
//	connecting  being made for a request                 -> serving, closed
//	checking    being made to see whether the instance   -> closed
//	            is alive
//	serving     it has a request                         -> aside, idle, tunnelled, closed
//	aside       it rests after a response that stray     -> idle, closed
//	            bytes may follow; see policy.Tidiness
//	idle        it waits in its pool                     -> serving, closed
//	tunnelled   it is a side of a tunnel                 -> closed
//
// # A request
//
// Three things go on side by side, each with a state of its own. The attempt:
//
//	none        -> filling, queued, connecting, exchanging, over
//	filling     -> queued, connecting, exchanging, over   enough of its content is there
//	queued      -> connecting, exchanging, over, abandoned
//	connecting  -> exchanging, checking, queued, over     the next connection
//	exchanging  -> connecting, checking, queued, over     the instance failed: policy.Step
//	checking    -> connecting, exchanging, queued, over   is the instance alive?
//	over        the claim was given back
//	abandoned   the request ended while the registry gave it an instance; the claim
//	            is given back when it arrives
//
// Sending the request:
//
//	sendNothing -> sendHead                               there is a connection
//	sendHead    -> holdContent, sendContent, sendDone     the head is written
//	holdContent -> sendContent                            the instance asked for it, or is slow to
//	sendContent -> sendDone                               the client has sent all of it
//	sendDone    the whole request was written
//	sendStopped the instance takes nothing more; from sendHead, holdContent or sendContent
//
// A new attempt begins at sendHead and awaitingHead again. And receiving the response:
//
//	awaitingHead -> readingHead                           the first byte
//	readingHead  -> passing, complete                     its head is passed on
//	passing      -> complete                              the instance has sent all of it
//	complete     the rest waits for the client only
//
// # Flow control
//
// A loop does a bounded amount of work for one connection in a turn. Bytes that
// one side cannot take are not read from the other: per request and direction one
// buffer at most is in flight here, and besides that informational responses
// (policy.MaxInterim).
package fast

import (
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/handshake"
	"github.com/dynlb/dynlb/proxy/lent"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
	"github.com/dynlb/dynlb/proxy/settings"
)

// Options are what an Engine needs. Router and Settings are required.
type Options struct {
	// Router says which app a request is for.
	Router route.Router
	// Settings are those in force, for the requests that begin from now on. They
	// have no zero fields that have a default. After a change call
	// Engine.Reconfigured.
	Settings *atomic.Pointer[settings.Settings]
	// TLS makes connections of TLS. Nil: clients speak plain TCP.
	TLS *handshake.Server
	// Handover takes over a connection that is not for the engine: its first bytes are
	// a TLS ClientHello and TLS is nil, or it asks for StatusPath in HTTP/1.1. The bytes
	// in unread were read already. It calls closed when the connection is closed, and
	// must not block. Nil: such connections are treated as all others.
	Handover func(conn net.Conn, unread []byte, closed func())
	// HandedOver are the connections that Handover has taken over, which count for
	// MaxConnections too. Nil: none of them is closed to make room.
	HandedOver IdleConns
	// StatusPath is the one path that is not the app's. Empty: there is none.
	StatusPath string
	// Lend carries a request of HTTP/2 that is not for the engine: it is for StatusPath, its
	// instances may speak HTTP/2, or the rules in front of the app could block. head is its
	// head as one of HTTP/1.1, and from its client at an address with a port. It must not
	// block. Nil: the engine carries all requests of HTTP/2.
	Lend func(s *lent.Stream, head []byte, from forward.Peer, address string)
	// Conduct holds what was learned of the instances. Nil: the engine has its own.
	Conduct *policy.Conduct
	// Record is called with the outcome of each request. Nil: outcomes are not reported.
	Record outcome.Recorder
	// Log gets one line for each failed request. Nil: none is written.
	Log *slog.Logger
	// Loops is how many event loops there are; see eventloop.Options. Zero: GOMAXPROCS.
	Loops int
}

// IdleConns are connections that may be idle.
type IdleConns interface {
	// LongestIdle returns how long one of them has been idle at most, or a negative
	// time when none is idle.
	LongestIdle() time.Duration
	// CloseIdle closes that one. It reports whether there was one.
	CloseIdle() bool
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
