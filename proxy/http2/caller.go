package http2

import (
	"math"

	"github.com/dynlb/dynlb/proxy/http1"
)

// Caller is the client's side of one connection: it makes calls, which are requests with
// their responses. Requests and responses have the form of HTTP/1.1. Create one with
// NewCaller. It is not safe for concurrent use.
type Caller struct {
	windows
	handler  CallHandler
	config   CallerConfig
	peer     peer
	out      []byte // for the server
	tail     tail
	answer   answer
	text     []byte // memory for what Response gets
	calls    map[uint32]*Call
	expects  expectation
	next     uint32 // the number of the next call
	limit    uint32 // how many calls the server takes at the same time
	settled  bool
	leaving  bool
	connects bool   // the server takes an extended CONNECT
	err      *Error // the connection is over
}

// CallerConfig is what a connection allows its server. All fields are required.
type CallerConfig struct {
	// StreamWindow and ConnWindow are how many bytes of content the server may send that
	// the CallHandler has not taken: for one call, and for all. ConnWindow must have room
	// for all calls: those whose content waits must not hold the others up.
	StreamWindow, ConnWindow int
	// Block is the size of a header block, as it is sent, and of the head or the trailer
	// section of a response, as the CallHandler gets it, and of all its informational
	// responses together. What is longer breaks the call.
	Block int
}

// CallHandler learns of what the server does. Caller calls it during Receive. It must not
// end calls then.
type CallHandler interface {
	// Response takes some bytes of a response in HTTP/1.1, which are valid until it
	// returns. payload of them are content, apart from what frames it: the CallHandler
	// says with Caller.Taken how much of that it has taken.
	Response(c *Call, b []byte, payload int)
	// Over is called when no more of a response comes. The error is nil if it is complete,
	// and a *CallError otherwise.
	Over(c *Call, err error)
	// Writable is called when the server takes more of a call on which Write has not taken
	// all bytes; nil: of any.
	Writable(c *Call)
}

// NewCaller returns a Caller. Its output begins with the preface and the settings.
func NewCaller(handler CallHandler, config CallerConfig) *Caller {
	c := &Caller{
		handler: handler, config: config, peer: peer{window: defaultWindow},
		calls: make(map[uint32]*Call), expects: expectSettings, next: 1, limit: math.MaxUint32,
		windows: windows{send: defaultWindow, receive: defaultWindow},
	}
	c.answer.fragments = newFragments(config.Block, c.answer.field)
	c.out = append(c.out, http1.Preface...)
	c.announce()
	return c
}

// announce sends the settings and the window of the connection.
func (c *Caller) announce() {
	c.out = appendSettings(c.out, [][2]uint32{
		{settingPush, 0},
		{settingWindow, uint32(c.config.StreamWindow)},
		{settingHeaderList, uint32(c.config.Block)},
	})
	if more := int64(c.config.ConnWindow) - c.receive; more > 0 {
		c.out = appendWindow(c.out, 0, more)
		c.receive += more
	}
}

// Settled reports whether the settings of the server have arrived.
func (c *Caller) Settled() bool { return c.settled }

// Leaving reports whether the server takes no more calls on the connection, or there are
// no more numbers for them.
func (c *Caller) Leaving() bool { return c.leaving || c.err != nil || c.next > maxWindow }

// Calls returns how many calls are open.
func (c *Caller) Calls() int { return len(c.calls) }

// MaxCalls is how many calls a connection carries at most: the lowest limit that RFC 9113
// recommends to servers (6.5.2).
const MaxCalls = 100

// Free returns how many more calls may begin now.
func (c *Caller) Free() int {
	if !c.settled || c.Leaving() {
		return 0
	}
	return max(0, int(min(c.limit, MaxCalls))-len(c.calls))
}

// Output returns the bytes for the server.
func (c *Caller) Output() []byte { return c.out }

// TakeOutput returns the bytes for the server, and begins anew in the memory of b.
func (c *Caller) TakeOutput(b []byte) []byte {
	out := c.out
	c.out, c.tail = b[:0], tail{}
	return out
}

// Receive takes the bytes of b up to the last whole frame. It returns how many it has
// taken. The error is an *Error: the output ends with a GOAWAY then, and the connection
// must be closed.
func (c *Caller) Receive(b []byte) (used int, err error) {
	for c.err == nil {
		n, err := c.nextFrame(b[used:])
		if err != nil {
			c.Fail(err)
			break
		}
		if n == 0 {
			return used, nil
		}
		used += n
	}
	return used, c.err
}

// nextFrame takes a frame from the beginning of b. It returns its length, or 0 when it is
// incomplete.
func (c *Caller) nextFrame(b []byte) (int, *Error) {
	if len(b) < frameHead {
		return 0, nil
	}
	f := readFrame(b)
	switch {
	case c.expects == expectSettings && (f.kind != frameSettings || f.has(flagAck)):
		return 0, ErrNoHTTP2
	case f.length > maxFrame:
		return 0, &Error{FrameSizeError, "frame is too long"}
	case len(b) < frameHead+f.length:
		return 0, nil
	}
	return frameHead + f.length, c.take(&f, b[frameHead:frameHead+f.length])
}

// ErrNoHTTP2 says that a server has not begun with its settings: it does not speak HTTP/2.
var ErrNoHTTP2 = &Error{ProtocolError, "the server does not begin with settings"}

// Fail ends the connection with an error. The calls stay open.
func (c *Caller) Fail(err *Error) {
	if c.err == nil {
		c.err = err
		c.goAway(err.Code, err.Reason)
	}
}

// Leave tells the server that no more calls come.
func (c *Caller) Leave() {
	if c.err == nil {
		c.leaving = true
		c.goAway(NoError, "")
	}
}

// goAway sends a GOAWAY. The server has begun no streams.
func (c *Caller) goAway(code Code, reason string) {
	c.out = appendGoAway(c.out, 0, code, reason)
}
