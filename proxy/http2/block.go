package http2

import "golang.org/x/net/http2/hpack"

// maxContinuations is how many frames a header block may take beyond what its size
// needs: some clients begin a new frame for each write.
const maxContinuations = 16

// block is a header block that arrives: one HEADERS and any number of CONTINUATION.
type block struct {
	conn    *Conn
	stream  uint32
	end     bool // the request ends with it
	trailer bool // it is the trailer section of the request
	idle    bool // the stream does not begin with it: it is dropped
	size    int  // of the frames so far
	frames  int
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
	b, err := unpad(f, b)
	if err != nil {
		return err
	}
	depends := uint32(0)
	if f.has(flagPriority) {
		if len(b) < 5 {
			return &Error{FrameSizeError, "HEADERS is too short"}
		}
		depends, b = dependency(b), b[5:]
	}
	k := &c.block
	k.stream, k.end, k.size, k.frames = f.stream, f.has(flagEndStream), 0, 0
	k.trailer, k.idle = false, false
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
		return &Error{ProtocolError, "CONTINUATION without HEADERS"}
	}
	return c.addFragment(b, f.has(flagEndHeaders))
}

// addFragment decodes a part of a header block (CVE-2024-27316: there is an end to it).
func (c *Conn) addFragment(b []byte, last bool) *Error {
	k := &c.block
	k.size += len(b)
	k.frames++
	if k.size > c.config.Block || k.frames > maxContinuations+k.size/1024 {
		return &Error{EnhanceYourCalm, "header block is too long"}
	}
	if _, err := c.decoder.Write(b); err != nil {
		return &Error{CompressionError, "malformed header block"}
	}
	if !last {
		return nil
	}
	if err := c.decoder.Close(); err != nil {
		return &Error{CompressionError, "header block ends too early"}
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
		return c.content(s, nil, 0, true)
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
