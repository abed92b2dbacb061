package http2

import "golang.org/x/net/http2/hpack"

// block is a header block of a client.
type block struct {
	fragments
	end     bool // the request ends with it
	trailer bool // it is the trailer section of the request
	idle    bool // the stream does not begin with it: it is dropped
	request request
}

// InBlock reports whether a part of a header block has arrived, and the rest has not.
func (c *Conn) InBlock() bool { return c.expects == expectContinuation }

// field takes a field that was decoded.
func (b *block) field(f hpack.HeaderField) {
	switch {
	case b.idle:
	case b.trailer:
		b.request.trailer(f)
	default:
		b.request.field(f)
	}
}

// takeHeaders begins a header block.
func (c *Conn) takeHeaders(f *frame, b []byte) *Error {
	if f.stream%2 == 0 {
		return &Error{ProtocolError, "HEADERS without a stream of the client"}
	}
	b, depends, err := fragment(f, b)
	if err != nil {
		return err
	}
	k := &c.block
	k.begin(f)
	k.end, k.trailer, k.idle = f.has(flagEndStream), false, false
	s := c.streams[f.stream]
	switch {
	case s != nil:
		k.trailer = true
	case f.stream > c.until, f.stream <= c.last && c.resets.has(f.stream):
		k.idle = true
	case f.stream <= c.last: // RFC 9113, 5.1.1
		return &Error{StreamClosed, "HEADERS for a closed stream"}
	default:
		c.last = f.stream
	}
	k.request.begin(c.config.Block)
	if depends == f.stream && !k.idle {
		k.request.malformed("stream depends on itself")
	}
	c.expects = expectContinuation
	return c.addFragment(b, f.has(flagEndHeaders))
}

// takeContinuation goes on with a header block.
func (c *Conn) takeContinuation(f *frame, b []byte) *Error {
	if c.expects != expectContinuation {
		return errContinuation
	}
	return c.addFragment(b, f.has(flagEndHeaders))
}

// addFragment takes a part of a header block.
func (c *Conn) addFragment(b []byte, last bool) *Error {
	if err := c.block.add(b, last); err != nil || !last {
		return err
	}
	c.expects = expectFrame
	return c.endBlock()
}

// endBlock begins the request, or ends it.
func (c *Conn) endBlock() *Error {
	k := &c.block
	s := c.streams[k.stream]
	switch {
	case k.idle:
		return c.budget.spend(costSmall)
	case k.trailer && s == nil: // closed meanwhile
		return nil
	case k.trailer && s.ended:
		return c.fail(k.stream, StreamClosed)
	case k.trailer && !k.end:
		return c.fail(k.stream, ProtocolError)
	}
	if !k.trailer {
		k.request.finish(k.end)
	}
	if k.request.fault != "" {
		return c.fail(k.stream, ProtocolError)
	}
	if k.trailer {
		c.trailer = k.request.head
		err := c.content(s, nil, 0, true)
		c.trailer = nil
		return err
	}
	return c.open()
}

// open begins a request.
func (c *Conn) open() *Error {
	k := &c.block
	if len(c.streams) >= c.config.Streams {
		return c.fail(k.stream, RefusedStream)
	}
	s := c.handler.Open()
	*s = Stream{
		Owner: s.Owner, Urgency: defaultUrgency, id: k.stream, open: true, ended: k.end,
		send: c.peer.window, receive: int64(c.config.StreamWindow), window: int64(c.config.StreamWindow), left: k.request.length,
	}
	s.prioritize(k.request.priority)
	c.streams[s.id] = s
	c.handler.Request(s, k.request.head)
	return nil
}
