package fastpath

import (
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/internal/settings"
	"github.com/dynlb/dynlb/proxy/policy"
)

// exchange is one request on its way to an instance, and its response on the
// way back.
type exchange struct {
	loop     *loop
	client   *conn
	upstream *conn // nil while there is none
	settings *settings.Settings
	waiter   registry.Waiter // made once
	facts
}

// facts are what changes from one exchange to the next.
type facts struct {
	lease    registry.Lease
	released bool  // lease was given back
	timer    timer // in the queue
	started  int64
	code     int  // status for the client; 0 before it is known
	queued   bool // it waits for an instance
	gone     bool // it ended while the registry was giving it one

	// The request.
	label      []byte // its method and path
	method     int    // length of the method
	toHead     bool   // the method is HEAD
	idempotent bool   // and nothing is lost when it is done twice
	old        bool   // the client speaks HTTP/1.0
	keep       bool   // the client wants to send another one
	content    bool   // there is some
	expects    bool   // the client waits for a 100 (Continue) before it sends it
	chunkUp    bool   // it goes on in chunks
	head       []byte // as the instance gets it, and content that came at once; a buffer
	marks      forward.Marks
	up         http1.Body

	// The attempts to have an instance answer it.
	pool      *pool
	attempts  policy.Attempts
	reused    bool // the connection had been idle
	sent      int  // of head
	sentAt    int64
	wholeSent bool  // nothing is left to be sent
	continued bool  // the content need not wait any more
	told      bool  // the client was told so
	deadBy    int64 // when a dead instance should be known to be dead

	// The response.
	response   *http1.Response // while its head is being read
	received   bool            // a byte of it
	interim    int             // bytes of informational ones
	responding bool            // its head was passed on
	bare       bool            // it cannot have content
	down       http1.Body
	chunkDown  bool   // it goes on in chunks
	trailer    []byte // as the instance sent it
	pipe       *pipe  // what large content goes through; nil when it does not
	untilClose bool   // it goes on without a framing
	lost       error  // why the instance cannot have sent all of it; see unsendable
	reusable   bool   // by what it says, so is its connection
	last       bool   // it is the last on the client's connection
}

// newExchange begins an exchange on a client's connection.
func (l *loop) newExchange(c *conn) *exchange {
	var x *exchange
	if last := len(l.exchanges) - 1; last >= 0 {
		x = l.exchanges[last]
		l.exchanges = l.exchanges[:last]
	} else {
		x = &exchange{loop: l}
		x.waiter.Grant = func(lease registry.Lease, err error) {
			l.inbox.post(note{exchange: x, lease: lease, err: err})
		}
	}
	x.client, x.settings, x.started, x.timer.owner = c, l.settings, l.now, x
	c.exchange, c.state = x, exchanging
	l.flights++
	return x
}

// spares is how many exchanges are kept for later, and how many readers of requests
// and of responses.
const spares = 1024

// recycle lets go of all that the exchange has.
func (x *exchange) recycle() {
	l := x.loop
	l.wheel.take(&x.timer)
	x.dropHead()
	x.dropResponse()
	x.dropPipe()
	label := x.label[:0]
	if cap(label) > 512 {
		label = nil
	}
	x.facts = facts{label: label}
	x.client, x.upstream, x.settings = nil, nil, nil
	if len(l.exchanges) < spares {
		l.exchanges = append(l.exchanges, x)
	}
}

// dropHead gives the buffer of the head back.
func (x *exchange) dropHead() {
	if x.head != nil {
		x.loop.buffers.put(x.head)
		x.head = nil
	}
}

// dropResponse gives the reader of responses back.
func (x *exchange) dropResponse() {
	if x.response == nil {
		return
	}
	l := x.loop
	if len(l.responses) < spares && x.response.Within(l.settings.Limits) {
		x.response.Reset(false, false)
		l.responses = append(l.responses, x.response)
	}
	x.response = nil
}

// dropPipe gives the pipe back.
func (x *exchange) dropPipe() {
	if x.pipe != nil {
		x.loop.dropPipe(x.pipe)
		x.pipe = nil
	}
}

// dropUpstream closes the connection to the instance, if there is one.
func (x *exchange) dropUpstream() {
	if x.upstream != nil {
		x.upstream.close()
		x.upstream = nil
	}
}

// clientReady is the state of a client's connection during an exchange.
func (x *exchange) clientReady() {
	c := x.client
	if c.ready&broken != 0 {
		x.clientGone()
		return
	}
	if !c.out.empty() {
		done, err := x.flush()
		if err != nil {
			x.clientGone()
			return
		}
		if done && x.responding {
			x.receive()
		}
	} else if x.owes() {
		x.receive()
	}
	if c.state != exchanging || c.exchange != x {
		return
	}
	if u := x.upstream; u != nil && u.state == serving && !x.wholeSent {
		x.upload()
	}
}

// clientSilent is called when the client's time is up.
func (x *exchange) clientSilent() {
	switch {
	case x.owes():
		x.stalled()
	case x.upstream != nil && x.upstream.state == serving && !x.up.Done():
		x.spoil(policy.ErrSlowBody)
	}
}

// flush writes what waits for the client. It reports whether nothing does any
// more.
func (x *exchange) flush() (bool, error) {
	c := x.client
	if c.out.empty() {
		return true, nil
	}
	n, err := c.flush()
	switch {
	case c.out.empty():
		c.took()
	case n > 0:
		x.stall()
	}
	return c.out.empty(), err
}

// stall gives the client time to take something of what waits for it.
func (x *exchange) stall() { x.client.stall(x.settings.IdleTimeout) }

// stalled is called when the client's time is up, and something waits for it.
func (x *exchange) stalled() {
	if x.client.tookNothing() {
		x.clientGone()
		return
	}
	x.stall()
}

// toClient sends pieces to the client. It reports whether the client is there.
func (x *exchange) toClient(pieces ...[]byte) bool {
	if err := x.client.send(pieces...); err != nil {
		x.clientGone()
		return false
	}
	if !x.client.out.empty() {
		x.stall()
	}
	return true
}
