package http2

import (
	"encoding/binary"

	"github.com/dynlb/dynlb/proxy/http1"
)

// take takes a frame.
func (c *Caller) take(f *frame, b []byte) *Error {
	if c.expects == expectContinuation && !c.answer.continues(f) {
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
	case frameReset:
		return c.takeReset(f, b)
	case frameSettings:
		return c.takeSettings(f, b)
	case framePush:
		return &Error{ProtocolError, "server pushes although it must not"}
	case framePing:
		if !f.has(flagAck) {
			c.out = appendPong(c.out, b)
		}
		return nil
	case frameGoAway:
		c.takeGoAway(b)
		return nil
	case frameWindow:
		return c.takeWindow(f, b)
	case frameContinuation:
		return c.takeContinuation(f, b)
	default: // RFC 9113, 4.1: of no effect
		return nil
	}
}

// begun reports whether a stream is one of the calls that were made.
func (c *Caller) begun(id uint32) bool { return id%2 == 1 && id < c.next }

// takeReset closes a call that the server gives up.
func (c *Caller) takeReset(f *frame, b []byte) *Error {
	if !c.begun(f.stream) {
		return &Error{ProtocolError, "RST_STREAM for a stream that was not begun"}
	}
	call := c.calls[f.stream]
	if call == nil {
		return nil
	}
	c.drop(call)
	if call.ended { // RFC 9113, 8.1: the server needs no more of the request
		c.handler.Writable(call)
		return nil
	}
	call.ended = true
	code := Code(binary.BigEndian.Uint32(b))
	c.handler.Over(call, &CallError{Code: code, Unprocessed: code == RefusedStream && !call.headed})
	return nil
}

// takeGoAway notes that the server takes no more calls. Those that it has not acted on
// may be made again on another connection (RFC 9113, 6.8).
func (c *Caller) takeGoAway(b []byte) {
	c.leaving = true
	last, code := binary.BigEndian.Uint32(b)&maxWindow, Code(binary.BigEndian.Uint32(b[4:]))
	for id, call := range c.calls {
		if id > last && !call.ended {
			c.drop(call)
			call.ended = true
			c.handler.Over(call, &CallError{Code: code, Unprocessed: !call.headed, Leaving: true, Reason: "the server takes no more requests on the connection"})
		}
	}
}

// takeSettings applies the server's settings.
func (c *Caller) takeSettings(f *frame, b []byte) *Error {
	if f.has(flagAck) {
		return nil
	}
	for ; len(b) > 0; b = b[6:] {
		if err := c.set(binary.BigEndian.Uint16(b), binary.BigEndian.Uint32(b[2:])); err != nil {
			return err
		}
	}
	c.expects, c.settled = expectFrame, true
	c.out = appendFrame(c.out, 0, frameSettings, flagAck, 0)
	c.handler.Writable(nil)
	return nil
}

// set applies one setting.
func (c *Caller) set(name uint16, value uint32) *Error {
	switch name {
	case settingStreams:
		c.limit = value
	case settingConnect:
		c.connects = value == 1
	}
	change, err := c.peer.set(name, value)
	if err != nil || change == 0 {
		return err
	}
	for _, call := range c.calls {
		if err := shift(&call.send, change); err != nil {
			return err
		}
	}
	return nil
}

// takeWindow notes that the server takes more.
func (c *Caller) takeWindow(f *frame, b []byte) *Error {
	n := int64(binary.BigEndian.Uint32(b) & maxWindow)
	if f.stream == 0 {
		if err := c.widen(n); err != nil {
			return err
		}
		c.handler.Writable(nil)
		return nil
	}
	if !c.begun(f.stream) {
		return &Error{ProtocolError, "WINDOW_UPDATE for a stream that was not begun"}
	}
	call := c.calls[f.stream]
	switch {
	case call == nil:
	case n == 0:
		c.breakOff(call, ProtocolError, "WINDOW_UPDATE of 0")
	case call.send+n > maxWindow:
		c.breakOff(call, FlowControlError, "window is too large")
	default:
		call.send += n
		c.handler.Writable(call)
	}
	return nil
}

// takeData takes content.
func (c *Caller) takeData(f *frame, b []byte) *Error {
	if !c.begun(f.stream) {
		return &Error{ProtocolError, "DATA for a stream that was not begun"}
	}
	payload, err := c.arrived(f, b)
	if err != nil {
		return err
	}
	call := c.calls[f.stream]
	switch {
	case call == nil || call.ended:
		c.give(int64(f.length))
	case int64(f.length) > call.receive:
		c.give(int64(f.length))
		c.breakOff(call, FlowControlError, "content exceeds its window")
	case !call.headed:
		c.give(int64(f.length))
		c.breakOff(call, ProtocolError, "content without a head")
	default:
		call.receive -= int64(f.length)
		c.content(call, payload, f.length-len(payload), f.has(flagEndStream))
	}
	return nil
}

// content passes content on.
func (c *Caller) content(call *Call, payload []byte, padding int, end bool) {
	call.unread += int64(len(payload) + padding)
	c.Taken(call, padding)
	if call.left >= 0 {
		call.left -= int64(len(payload))
		if call.left < 0 || end && call.left > 0 {
			c.breakOff(call, ProtocolError, "content does not have the length that the head says")
			return
		}
	}
	switch {
	case len(payload) == 0:
	case call.chunked:
		c.text = http1.AppendChunkSize(c.text[:0], len(payload))
		c.handler.Response(call, c.text, 0)
		c.handler.Response(call, payload, len(payload))
		c.handler.Response(call, chunkEnd, 0)
	default:
		c.handler.Response(call, payload, len(payload))
	}
	if end {
		c.end(call, nil)
	}
}

var chunkEnd = []byte(http1.ChunkEnd)

// end ends a response, with the fields of a trailer section.
func (c *Caller) end(call *Call, trailer []byte) {
	call.ended = true
	if call.chunked {
		c.text = append(c.text[:0], "0\r\n"...)
		c.text = append(append(c.text, trailer...), "\r\n"...)
		c.handler.Response(call, c.text, 0)
		c.text = spare(c.text)
	}
	if call.finished {
		c.drop(call)
	}
	c.handler.Over(call, nil)
}
