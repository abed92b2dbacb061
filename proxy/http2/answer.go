package http2

import (
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// answer is a header block that a server sends: the head of a response, or its trailer
// section.
type answer struct {
	fragments
	caller  *Caller
	call    *Call  // nil: the block is dropped
	end     bool   // the response ends with it
	trailer bool   // it is the trailer section
	status  int    // 0: it was not seen
	head    []byte // the fields, as HTTP/1.1 has them
	began   bool   // a regular field was seen
	length  int64  // Content-Length; negative: there is none
	tailed  bool   // a trailer section is to be expected
	fault   string // why it is malformed; "": it is not
}

// malformed notes the first reason why the block is malformed.
func (a *answer) malformed(reason string) {
	if a.fault == "" {
		a.fault = reason
	}
}

// takeHeaders begins a header block.
func (c *Caller) takeHeaders(f *frame, b []byte) *Error {
	if !c.begun(f.stream) {
		return &Error{ProtocolError, "HEADERS for a stream that was not begun"}
	}
	b, _, err := fragment(f, b)
	if err != nil {
		return err
	}
	call := c.calls[f.stream]
	if call != nil && call.ended {
		call = nil
	}
	c.answer = answer{
		fragments: c.answer.fragments, caller: c, call: call, end: f.has(flagEndStream), head: spare(c.answer.head),
		trailer: call != nil && call.headed, length: -1,
	}
	c.answer.begin(f)
	c.expects = expectContinuation
	return c.addFragment(b, f.has(flagEndHeaders))
}

// takeContinuation goes on with a header block.
func (c *Caller) takeContinuation(f *frame, b []byte) *Error {
	if c.expects != expectContinuation {
		return errContinuation
	}
	return c.addFragment(b, f.has(flagEndHeaders))
}

// addFragment takes a part of a header block.
func (c *Caller) addFragment(b []byte, last bool) *Error {
	if err := c.answer.add(b, last); err != nil || !last {
		return err
	}
	c.expects = expectFrame
	if c.answer.call != nil {
		c.passBlock()
	}
	return nil
}

// field takes the next field.
func (a *answer) field(f hpack.HeaderField) {
	switch {
	case a.call == nil || a.fault != "":
	case !validValue(f.Value):
		a.malformed("invalid character in a field")
	case strings.HasPrefix(f.Name, ":"):
		a.pseudo(f)
	case len(a.head)+len(f.Name)+len(f.Value) > a.caller.config.Block:
		a.malformed("head is too long")
	default:
		a.began = true
		a.regular(f.Name, f.Value)
	}
}

// pseudo takes the status, the one pseudo field of a response (RFC 9113, 8.3.2). There is
// no 101 (8.6).
func (a *answer) pseudo(f hpack.HeaderField) {
	status, ok := parseLength(f.Value)
	switch {
	case f.Name != ":status" || a.trailer || a.began || a.status != 0:
		a.malformed("pseudo field is out of place")
	case !ok || len(f.Value) != 3 || status < 100 || status == http.StatusSwitchingProtocols:
		a.malformed("malformed status")
	default:
		a.status = int(status)
	}
}

// regular takes a regular field.
func (a *answer) regular(name, value string) {
	switch name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade": // RFC 9113, 8.2.2
		a.malformed("field is for one connection")
		return
	case "content-length": // writeFraming writes it
		n, ok := parseLength(value)
		if !ok || a.length >= 0 && a.length != n {
			a.malformed("malformed content-length")
		}
		a.length = n
		return
	case "content-type":
		a.tailed = a.tailed || strings.HasPrefix(value, "application/grpc")
	case "trailer":
		a.tailed = true
	default:
		if !validName(name) {
			a.malformed("malformed field name")
			return
		}
	}
	a.head = append(append(a.head, name...), ": "...)
	a.head = append(append(a.head, value...), "\r\n"...)
}

// passBlock passes the block on, or breaks the call off for its faults.
func (c *Caller) passBlock() {
	a, call := &c.answer, c.answer.call
	interim := !a.trailer && a.status < 200
	switched := call.switches && a.status >= 200 && a.status < 300
	switch {
	case !a.trailer && a.status == 0:
		a.malformed("status is missing")
	case a.trailer && !a.end, interim && a.end:
		a.malformed("header block at a wrong place")
	case a.trailer && call.left > 0:
		a.malformed("content does not have the length that the head says")
	}
	if switched {
		a.status = http.StatusSwitchingProtocols
	}
	c.text = append(c.text[:0], "HTTP/1.1 "...)
	c.text = append(strconv.AppendInt(c.text, int64(a.status), 10), ' ')
	c.text = append(append(c.text, http.StatusText(a.status)...), "\r\n"...)
	c.text = append(c.text, a.head...)
	switch {
	case switched:
		a.writeSwitch()
	case !a.trailer && !interim:
		a.writeFraming()
	}
	c.text = append(c.text, "\r\n"...)
	if interim { // they have no window
		if call.interim += len(c.text); call.interim > c.config.Block {
			a.malformed("informational responses are too long")
		}
	}
	switch {
	case a.fault != "":
		c.breakOff(call, ProtocolError, a.fault)
	case a.trailer:
		c.end(call, a.head)
	default:
		c.handler.Response(call, c.text, 0)
		c.text = spare(c.text)
		if a.end {
			c.end(call, nil)
		}
	}
}

// writeFraming writes how the content of a final response goes on, and that its connection,
// which is the call, ends. If a trailer section follows, the length is left out:
// HTTP/1.1 needs chunks for it.
func (a *answer) writeFraming() {
	c, call := a.caller, a.call
	call.headed, call.left = true, a.length
	c.text = append(c.text, "Connection: close\r\n"...)
	switch {
	case call.toHead || a.status == http.StatusNoContent || a.status == http.StatusNotModified:
		call.left = 0
		if a.length < 0 || a.status == http.StatusNoContent {
			return
		}
	case a.end && a.length > 0:
		a.malformed("content is missing")
	case a.end:
		call.left, a.length = 0, 0
	case a.length < 0 || a.tailed:
		call.chunked = true
		c.text = append(c.text, "Transfer-Encoding: chunked\r\n"...)
		return
	}
	c.text = append(c.text, "Content-Length: "...)
	c.text = append(strconv.AppendInt(c.text, a.length, 10), "\r\n"...)
}
