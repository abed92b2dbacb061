package http2

import "encoding/binary"

// takeData takes content.
func (c *Conn) takeData(f *frame, b []byte) *Error {
	if f.stream == 0 {
		return &Error{ProtocolError, "DATA without a stream"}
	}
	if f.stream > c.last {
		if f.stream > c.until { // it was dropped
			return c.refund(f.length)
		}
		return &Error{ProtocolError, "DATA for an idle stream"}
	}
	payload, err := c.arrived(f, b)
	if err != nil {
		return err
	}
	s := c.streams[f.stream]
	switch {
	case s == nil || s.ended:
		c.give(int64(f.length))
		if s == nil && c.resets.has(f.stream) {
			return c.budget.spend(costSmall)
		}
		return c.fail(f.stream, StreamClosed)
	case int64(f.length) > s.receive:
		c.give(int64(f.length))
		return c.fail(f.stream, FlowControlError)
	}
	s.receive -= int64(f.length)
	return c.content(s, payload, f.length-len(payload), f.has(flagEndStream))
}

// refund returns the window of content that is dropped.
func (c *Conn) refund(length int) *Error {
	if c.receive -= int64(length); c.receive < 0 {
		return &Error{FlowControlError, "content exceeds the window of the connection"}
	}
	c.give(int64(length))
	return c.budget.spend(costSmall)
}

// content passes content on.
func (c *Conn) content(s *Stream, payload []byte, padding int, end bool) *Error {
	s.unread += int64(len(payload) + padding)
	if s.left >= 0 {
		s.left -= int64(len(payload))
		if s.left < 0 || end && s.left > 0 { // RFC 9113, 8.1.1
			return c.fail(s.id, ProtocolError)
		}
	}
	s.ended = end
	if len(payload) == 0 && !end {
		if err := c.budget.spend(costEmpty); err != nil {
			return err
		}
	}
	if padding > 0 {
		c.Taken(s, padding)
	}
	if len(payload) > 0 || end {
		c.handler.Content(s, payload)
	}
	if s.ended && s.finished {
		c.drop(s)
	}
	return nil
}

// Taken notes that the Handler has taken n bytes of the content of a stream. The client
// may send as many more.
func (c *Conn) Taken(s *Stream, n int) {
	if !s.open {
		return // drop has given the window back
	}
	s.unread -= int64(n)
	s.taken += int64(n)
	if !s.ended && s.taken >= s.window/2 {
		more := max(0, min(s.window, int64(c.config.MaxStreamWindow)-s.window))
		s.window += more
		c.room(frameHead + 4)
		c.out = appendWindow(c.out, s.id, s.taken+more)
		s.receive += s.taken + more
		s.taken = 0
	}
	c.give(int64(n))
}

// give returns n bytes of the window of the connection.
func (c *Conn) give(n int64) {
	if update := c.windows.give(n, c.config.ConnWindow); update > 0 {
		c.room(frameHead + 4)
		c.out = appendWindow(c.out, 0, update)
	}
}

// takeWindow notes that the client takes more.
func (c *Conn) takeWindow(f *frame, b []byte) *Error {
	if f.stream > c.last && f.stream <= c.until {
		return &Error{ProtocolError, "WINDOW_UPDATE for an idle stream"}
	}
	if err := c.budget.spend(costSmall); err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint32(b) & maxWindow)
	if f.stream == 0 {
		if err := c.widen(n); err != nil {
			return err
		}
		c.handler.Writable(nil)
		return nil
	}
	s := c.streams[f.stream]
	switch {
	case s == nil:
		if n == 0 && !c.resets.has(f.stream) {
			return c.fail(f.stream, ProtocolError)
		}
	case n == 0:
		return c.fail(f.stream, ProtocolError)
	case s.send+n > maxWindow:
		return c.fail(f.stream, FlowControlError)
	default:
		s.send += n
		if s.send > 0 && c.send > 0 {
			c.handler.Writable(s)
		}
	}
	return nil
}
