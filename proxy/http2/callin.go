package http2

import (
	"encoding/binary"

	"github.com/dynlb/dynlb/proxy/http1"
)

// take takes a frame.
func (c *Caller) take(f *frame, b []byte) *Error {
	if c.expects == expectContinuation && (f.kind != frameContinuation || f.stream != c.answer.stream) {
		return &Error{ProtocolError, "header block is interrupted"}
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
		return c.takePing(f, b)
	case frameGoAway:
		return c.takeGoAway(f, b)
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
	switch {
	case len(b) != 4:
		return &Error{FrameSizeError, "RST_STREAM has a wrong length"}
	case !c.begun(f.stream):
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

// takePing answers a PING.
func (c *Caller) takePing(f *frame, b []byte) *Error {
	switch {
	case f.stream != 0:
		return &Error{ProtocolError, "PING on a stream"}
	case len(b) != 8:
		return &Error{FrameSizeError, "PING has a wrong length"}
	case f.has(flagAck):
		return nil
	}
	c.out = append(appendFrame(c.out, len(b), framePing, flagAck, 0), b...)
	return nil
}

// takeGoAway notes that the server takes no more calls. Those that it has not acted on
// may be made again on another connection (RFC 9113, 6.8).
func (c *Caller) takeGoAway(f *frame, b []byte) *Error {
	switch {
	case f.stream != 0:
		return &Error{ProtocolError, "GOAWAY on a stream"}
	case len(b) < 8:
		return &Error{FrameSizeError, "GOAWAY has a wrong length"}
	}
	c.leaving = true
	last, code := binary.BigEndian.Uint32(b)&maxWindow, Code(binary.BigEndian.Uint32(b[4:]))
	for id, call := range c.calls {
		if id > last && !call.ended {
			c.drop(call)
			call.ended = true
			c.handler.Over(call, &CallError{Code: code, Unprocessed: !call.headed, Leaving: true, Reason: "the server takes no more requests on the connection"})
		}
	}
	return nil
}

// takeSettings applies the server's settings.
func (c *Caller) takeSettings(f *frame, b []byte) *Error {
	switch {
	case f.stream != 0:
		return &Error{ProtocolError, "SETTINGS on a stream"}
	case f.has(flagAck) && len(b) > 0, len(b)%6 != 0:
		return &Error{FrameSizeError, "SETTINGS has a wrong length"}
	case f.has(flagAck):
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
	case settingHeaderTable: // see Conn.set
		c.peer.resetTable = c.peer.resetTable || value < headerTable
	case settingStreams:
		c.limit = value
	case settingWindow:
		if value > maxWindow {
			return &Error{FlowControlError, "malformed INITIAL_WINDOW_SIZE"}
		}
		change := int64(value) - c.peer.window
		c.peer.window = int64(value)
		for _, call := range c.calls {
			if call.send += change; call.send > maxWindow {
				return &Error{FlowControlError, "window is too large"}
			}
		}
	case settingFrame:
		if value < maxFrame || value >= 1<<24 {
			return &Error{ProtocolError, "malformed MAX_FRAME_SIZE"}
		}
	default: // unknown, or of no concern to a client
	}
	return nil
}

// takeWindow notes that the server takes more.
func (c *Caller) takeWindow(f *frame, b []byte) *Error {
	if len(b) != 4 {
		return &Error{FrameSizeError, "WINDOW_UPDATE has a wrong length"}
	}
	n := int64(binary.BigEndian.Uint32(b) & maxWindow)
	if f.stream == 0 {
		return c.widen(n)
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

// widen adds to the window of the connection.
func (c *Caller) widen(n int64) *Error {
	switch {
	case n == 0:
		return &Error{ProtocolError, "WINDOW_UPDATE of 0"}
	case c.send+n > maxWindow:
		return &Error{FlowControlError, "window is too large"}
	}
	c.send += n
	c.handler.Writable(nil)
	return nil
}

// takeData takes content.
func (c *Caller) takeData(f *frame, b []byte) *Error {
	if !c.begun(f.stream) {
		return &Error{ProtocolError, "DATA for a stream that was not begun"}
	}
	if int64(f.length) > c.receive {
		return &Error{FlowControlError, "content exceeds the window of the connection"}
	}
	payload, err := unpad(f, b)
	if err != nil {
		return err
	}
	c.receive -= int64(f.length)
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
