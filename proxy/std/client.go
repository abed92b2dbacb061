package std

import (
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// client is the side of an exchange that the request came from. Its methods are
// called by the goroutine of the exchange, but for read, which the upload calls.
//
// What is written may be held back until flush. An error of writing means that the
// client is gone, or takes nothing.
type client interface {
	// atHand returns the payload of the request's content that has arrived. done
	// reports whether that is the end of it.
	atHand() (payload []byte, done bool)
	// read waits for some more of the payload. It is valid until the next call. The
	// error is an *http1.Error if the content is malformed or takes too long,
	// context.Canceled if the client is gone, and errStopped after stopReading.
	read() (payload []byte, done bool, err error)
	// stopReading makes read return, and fail from then on.
	stopReading()
	// watch has the exchange halted if the client is gone while nothing is written
	// to it, until unwatch. Neither read nor atHand may be called meanwhile.
	watch(x *exchange)
	unwatch()

	// proceed asks for the content, as a 100 (Continue) does.
	proceed() error
	// inform sends an informational response.
	inform(r *http1.Response) error
	// respond sends the head of a final response. whole reports whether the request
	// was read to its end: if not, no other one may follow it.
	respond(r *http1.Response, whole bool)
	// write sends some of the content.
	write(payload []byte) error
	// end ends the content, with a trailer section as the instance sent it, and sends
	// what was held back.
	end(trailer []byte) error
	// flush sends what was held back.
	flush() error

	// refuse answers with a fault. whole is as for respond.
	refuse(f policy.Fault, whole bool)
	// breakOff ends a response so that the client sees that it is not whole. gone
	// reports whether the client is known to be gone.
	breakOff(gone bool)
}

// tunneler is a client whose connection can become a tunnel.
type tunneler interface {
	// switchTo sends the head of a 101 (Switching Protocols), and what has arrived
	// behind it.
	switchTo(r *http1.Response, rest []byte) error
	// relay carries bytes both ways, until both sides have ended theirs.
	relay(u *upstream)
}
