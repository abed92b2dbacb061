package std

import (
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// client is the side of an exchange from which the request came: a connection of
// HTTP/1.1 or a stream of HTTP/2. The goroutine of the exchange calls its methods, apart
// from read, which the upload calls.
//
// Written bytes may stay in a buffer until flush. An error of a write means that the
// client is gone or takes nothing.
type client interface {
	// atHand returns the payload of the request that has arrived already. done
	// reports whether it is complete.
	atHand() (payload []byte, done bool)
	// read waits for some more payload, which is valid until the next call. The error
	// is an *http1.Error if the content is malformed or takes too long,
	// context.Canceled if the client is gone, and errStopped after stopReading.
	read() (payload []byte, done bool, err error)
	// readWithin is read with a limit of its own: if nothing arrives in so much time, the
	// error is errNothing, and it may be read again. There may be no payload without
	// an error.
	readWithin(d time.Duration) (payload []byte, done bool, err error)
	// trailer returns the trailer section of the request, as forward.Decode collects it, when
	// all of the content was read.
	trailer() []byte
	// stopReading makes a read under way return, and all later ones fail.
	stopReading()
	// watch halts the exchange if the client is gone, until unwatch. In between
	// neither read nor atHand may be called.
	watch(x *exchange)
	unwatch()

	// proceed asks the client for the content of its request.
	proceed() error
	// inform sends an informational response.
	inform(r *http1.Response) error
	// respond sends the head of a final response. whole reports whether the request
	// was read to its end; if not, no other request can follow.
	respond(r *http1.Response, whole bool)
	// write sends some of the content.
	write(payload []byte) error
	// end ends the content, with a trailer section as the instance sent it, and
	// flushes.
	end(trailer []byte) error
	// flush sends the bytes in the buffer.
	flush() error

	// refuse answers with a fault. For whole see respond.
	refuse(f policy.Fault, whole bool)
	// breakOff ends a response so that the client sees that it is incomplete. gone
	// reports whether the client is gone.
	breakOff(gone bool)
}

// caller is a client that may make calls of gRPC.
type caller interface {
	// refuseCall answers with a status, in place of a response.
	refuseCall(status int, message string)
	// endCall ends a response, which has begun, with a status.
	endCall(status int, message string)
}

// tunneler is a client with a connection that can become a tunnel.
type tunneler interface {
	// switchTo sends the head of a 101 (Switching Protocols), and the bytes that came
	// behind it.
	switchTo(r *http1.Response, rest []byte) error
	// relay carries bytes both ways, until both sides have ended theirs.
	relay(u *upstream)
}
