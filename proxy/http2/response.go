package http2

import (
	"strconv"

	"golang.org/x/net/http2/hpack"
)

// tail is the last frame of the output, if it may still get END_STREAM.
type tail struct {
	stream uint32
	at     int // where the frame begins
	end    int // where it ends; it is the last one if that is the end of the output
}

// room makes room for n more bytes of output.
func (c *Conn) room(n int) {
	if cap(c.out)-len(c.out) < n {
		c.out = c.handler.Room(c.out, n)
	}
}

// Output returns the bytes for the client.
func (c *Conn) Output() []byte { return c.out }

// TakeOutput returns the bytes for the client, and begins anew: their memory is the
// caller's.
func (c *Conn) TakeOutput() []byte {
	b := c.out
	c.out, c.tail = nil, tail{}
	return b
}

// BeginHead begins the head of a response, or the trailer section if status is 0. Add
// and EndHead follow. Between BeginHead and EndHead no other method may be called.
func (c *Conn) BeginHead(s *Stream, status int) {
	c.room(frameHead + 64)
	c.tail = tail{stream: s.id, at: len(c.out)}
	c.out = c.peer.appendHeaders(c.out, s.id)
	if status > 0 {
		c.out = appendStatus(c.out, status)
		s.responded = status >= 200
	}
}

// Add adds a field. Its name may have capital letters.
func (c *Conn) Add(name, value []byte) {
	c.room(len(name) + len(value) + 16)
	c.out = appendField(c.out, name, value)
}

// EndHead ends the head or the trailer section.
func (c *Conn) EndHead() {
	if length := len(c.out) - c.tail.at - frameHead; length > maxFrame {
		c.room(frameHead * (length / maxFrame)) // for endBlock
	}
	c.out = endBlock(c.out, c.tail.at, c.tail.stream)
	c.tail.end = len(c.out)
}

// Write sends content, as much of it as the client takes now. It returns how much. When
// that is not all, Handler.Writable is called later.
func (c *Conn) Write(s *Stream, b []byte) int {
	written := 0
	for len(b) > 0 {
		n := int(min(int64(len(b)), maxFrame, s.send, c.send))
		if n <= 0 {
			break
		}
		c.room(frameHead + n)
		c.tail = tail{stream: s.id, at: len(c.out)}
		c.out = append(appendFrame(c.out, n, frameData, 0, s.id), b[:n]...)
		c.tail.end = len(c.out)
		s.send -= int64(n)
		c.send -= int64(n)
		c.budget.earn(earnData * (1 + n>>10))
		written += n
		b = b[n:]
	}
	return written
}

// End ends the response. If the request has ended too, the stream is closed then.
func (c *Conn) End(s *Stream) {
	if c.tail.stream == s.id && c.tail.end == len(c.out) && len(c.out) > 0 {
		c.out[c.tail.at+4] |= flagEndStream
	} else {
		c.room(frameHead)
		c.out = appendFrame(c.out, 0, frameData, flagEndStream, s.id)
	}
	c.tail = tail{}
	s.finished = true
	c.budget.earn(earnResponse)
	if s.ended {
		c.drop(s)
	}
}

// Reset closes a stream that is open. The client sees the response as incomplete,
// unless it was ended.
func (c *Conn) Reset(s *Stream, code Code) {
	if s.open {
		c.reset(s.id, code)
		c.drop(s)
	}
}

// Leave asks the client to send no more requests on the connection. Those that are on
// their way are still taken, and RFC 9113, 6.8, has Stop follow some time later.
func (c *Conn) Leave() { c.goAway(maxWindow, NoError, "") }

// Stop has all further requests be dropped. The client learns that none of them was
// carried. After an error, which has told it that, Stop does nothing.
func (c *Conn) Stop() {
	if c.err == nil {
		c.until = c.last
		c.goAway(c.last, NoError, "")
	}
}

// goAway sends a GOAWAY, unless the client has not shown that it speaks HTTP/2 (RFC 9113,
// 3.4).
func (c *Conn) goAway(last uint32, code Code, reason string) {
	if c.expects == expectPreface {
		return
	}
	c.room(frameHead + 8 + len(reason))
	c.out = appendGoAway(c.out, last, code, reason)
}

// appendStatus appends the status of a response.
func appendStatus(b []byte, status int) []byte {
	switch status { // RFC 7541, appendix A
	case 200:
		return append(b, 0x80|8)
	case 204:
		return append(b, 0x80|9)
	case 206:
		return append(b, 0x80|10)
	case 304:
		return append(b, 0x80|11)
	case 400:
		return append(b, 0x80|12)
	case 404:
		return append(b, 0x80|13)
	case 500:
		return append(b, 0x80|14)
	}
	b = append(b, 8, 3) // the name of the first of them, and three digits
	return strconv.AppendInt(b, int64(status), 10)
}

// appendField appends a field, without a change of the table (RFC 7541, 6.2.2).
func appendField(b, name, value []byte) []byte {
	if i := staticName(name); i > 0 {
		b = appendInteger(b, 0, 4, uint64(i))
	} else {
		b = appendInteger(append(b, 0), 0, 7, uint64(len(name)))
		for _, c := range name {
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			}
			b = append(b, c)
		}
	}
	return appendString(b, value)
}

// appendString appends a value, in the Huffman code if that is shorter.
func appendString(b, s []byte) []byte {
	text := text(s)
	if n := hpack.HuffmanEncodeLength(text); n < uint64(len(s)) {
		return hpack.AppendHuffmanString(appendInteger(b, 0x80, 7, n), text)
	}
	return append(appendInteger(b, 0, 7, uint64(len(s))), s...)
}

// appendInteger appends an integer that begins in the lowest bits of a byte (RFC 7541,
// 5.1).
func appendInteger(b []byte, first byte, bits uint, n uint64) []byte {
	limit := uint64(1)<<bits - 1
	if n < limit {
		return append(b, first|byte(n))
	}
	b = append(b, first|byte(limit))
	for n -= limit; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}
