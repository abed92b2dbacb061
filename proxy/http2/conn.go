package http2

import (
	"encoding/binary"

	"github.com/dynlb/dynlb/proxy/http1"
)

// Conn is the server's side of one connection. Create one with New. It is not safe for
// concurrent use.
type Conn struct {
	windows
	handler Handler
	config  Config
	peer    peer
	out     []byte // for the client
	tail    tail
	block   block
	streams map[uint32]*Stream
	last    uint32 // the highest number of a stream
	until   uint32 // requests of higher numbers are dropped
	resets  resets
	budget  budget
	expects expectation
	trailer []byte // of the request that ends now
	err     *Error // the connection is over
}

// expectation is what must come next.
type expectation uint8

const (
	expectPreface expectation = iota
	expectSettings
	expectFrame
	expectContinuation
)

// New returns a Conn. It sends its settings when the preface of the client has arrived.
func New(handler Handler, config Config) *Conn {
	c := &Conn{
		handler: handler, config: config, peer: peer{window: defaultWindow},
		streams: make(map[uint32]*Stream), until: maxWindow, windows: windows{send: defaultWindow, receive: defaultWindow},
	}
	c.block.fragments = newFragments(config.Block, c.block.field)
	return c
}

// Streams returns how many streams are open.
func (c *Conn) Streams() int { return len(c.streams) }

// Trailer returns the trailer section of the request that ends now, as lines of HTTP/1.1.
// The Handler calls it during Content, and the bytes are valid until that returns.
func (c *Conn) Trailer() []byte { return c.trailer }

// Each calls do for each open stream, which do may close.
func (c *Conn) Each(do func(*Stream)) {
	for _, s := range c.streams {
		do(s)
	}
}

// Receive takes the bytes of b, at the time now in nanoseconds, up to the last whole
// frame. It returns how many it has taken. The error is an *Error: the output ends with
// a GOAWAY then, unless the preface was wrong, and the connection must be closed when it
// is sent.
func (c *Conn) Receive(b []byte, now int64) (used int, err error) {
	c.budget.refill(now)
	for c.err == nil {
		n, err := c.next(b[used:])
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

// Fail ends the connection with an error. The streams stay open until the Handler
// closes them.
func (c *Conn) Fail(err *Error) {
	if c.err == nil {
		c.err = err
		c.goAway(c.last, err.Code, err.Reason)
	}
}

// next takes the preface or a frame from the beginning of b. It returns its length, or 0
// when it is incomplete.
func (c *Conn) next(b []byte) (int, *Error) {
	if c.expects == expectPreface {
		has, may := http1.HasPreface(b)
		switch {
		case has:
			c.expects = expectSettings
			c.announce()
			return len(http1.Preface), nil
		case may:
			return 0, nil
		default:
			return 0, &Error{ProtocolError, "no preface"}
		}
	}
	if len(b) < frameHead {
		return 0, nil
	}
	f := readFrame(b)
	if f.length > maxFrame {
		return 0, &Error{FrameSizeError, "frame is too long"}
	}
	if len(b) < frameHead+f.length {
		return 0, nil
	}
	return frameHead + f.length, c.take(&f, b[frameHead:frameHead+f.length])
}

// take takes a frame.
func (c *Conn) take(f *frame, b []byte) *Error {
	switch {
	case c.expects == expectSettings && (f.kind != frameSettings || f.has(flagAck)):
		return &Error{ProtocolError, "the first frame is no SETTINGS"}
	case c.expects == expectContinuation && !c.block.continues(f):
		return errInterrupted
	}
	if err := f.check(); err != nil {
		return err
	}
	switch f.kind {
	case frameData:
		return c.takeData(f, b)
	case frameHeaders:
		return c.takeHeaders(f, b)
	case framePriority:
		return c.takePriority(f, b)
	case frameReset:
		return c.takeReset(f, b)
	case frameSettings:
		return c.takeSettings(f, b)
	case framePush:
		return &Error{ProtocolError, "client pushes"}
	case framePing:
		return c.takePing(f, b)
	case frameGoAway: // the client closes the connection when it has its responses
		return c.budget.spend(costControl)
	case frameWindow:
		return c.takeWindow(f, b)
	case frameContinuation:
		return c.takeContinuation(f, b)
	case framePriorityUpdate:
		return c.takePriorityUpdate(f, b)
	default: // RFC 9113, 4.1: of no effect
		return c.budget.spend(costControl)
	}
}

// takePriority checks a PRIORITY, which has no effect (RFC 9113, 5.3.2).
func (c *Conn) takePriority(f *frame, b []byte) *Error {
	switch {
	case f.stream == 0:
		return &Error{ProtocolError, "PRIORITY without a stream"}
	case len(b) != 5:
		return c.fail(f.stream, FrameSizeError)
	case dependency(b) == f.stream:
		return c.fail(f.stream, ProtocolError)
	}
	return c.budget.spend(costSmall)
}

// dependency returns the stream that a priority names.
func dependency(b []byte) uint32 { return binary.BigEndian.Uint32(b) & maxWindow }

// takeReset closes a stream that the client gives up.
func (c *Conn) takeReset(f *frame, b []byte) *Error {
	if f.stream > c.last && f.stream <= c.until {
		return &Error{ProtocolError, "RST_STREAM for an idle stream"}
	}
	s := c.streams[f.stream]
	if s == nil {
		return c.budget.spend(costControl)
	}
	c.drop(s)
	c.handler.Closed(s, Code(binary.BigEndian.Uint32(b)))
	return c.budget.spend(costReset)
}

// takePing answers a PING.
func (c *Conn) takePing(f *frame, b []byte) *Error {
	if !f.has(flagAck) {
		c.room(frameHead + len(b))
		c.out = appendPong(c.out, b)
	}
	return c.budget.spend(costControl)
}

// fail closes a stream with an error that the client made.
func (c *Conn) fail(id uint32, code Code) *Error {
	c.reset(id, code)
	if s := c.streams[id]; s != nil {
		c.drop(s)
		c.handler.Closed(s, code)
	}
	return c.budget.spend(costReset)
}

// reset sends a RST_STREAM.
func (c *Conn) reset(id uint32, code Code) {
	c.resets.add(id)
	c.room(frameHead + 4)
	c.out = appendReset(c.out, id, code)
}

// drop forgets a stream.
func (c *Conn) drop(s *Stream) {
	s.open = false
	delete(c.streams, s.id)
	c.give(s.unread)
	s.unread = 0
}

// resets are streams that were reset recently. The client may have sent frames on them
// before it learned of that.
type resets struct {
	ids  [64]uint32
	next int
}

// add notes a stream.
func (r *resets) add(id uint32) {
	r.ids[r.next] = id
	r.next = (r.next + 1) % len(r.ids)
}

// has reports whether a stream was noted.
func (r *resets) has(id uint32) bool {
	for _, other := range r.ids {
		if other == id {
			return true
		}
	}
	return false
}
