package http2

import "fmt"

// Call is one request and its response.
type Call struct {
	// Owner is of the CallHandler.
	Owner any

	id       uint32
	open     bool
	toHead   bool   // the method is HEAD
	finished bool   // all of the request was sent
	ended    bool   // all of the response was received
	headed   bool   // the head of the final response was received
	chunked  bool   // the content goes on in chunks
	interim  int    // size of the informational responses
	send     int64  // how much the server takes
	receive  int64  // how much the server may send
	unread   int64  // content that the CallHandler has not taken
	taken    int64  // content that it has taken and the server was not told of
	left     int64  // content that is still to come; negative: unknown
	switches bool   // it asks for a WebSocket
	key      []byte // of that
}

// IsOpen reports whether the call is open in either direction.
func (c *Call) IsOpen() bool { return c.open }

// Complete reports whether only the end of the call is still to come: all of the request
// was sent, and all content that the head of the response announces was received.
func (c *Call) Complete() bool { return c.finished && c.headed && c.left == 0 }

// CallError says why a call has failed. The connection goes on.
type CallError struct {
	Code Code
	// Unprocessed tells that the server has not acted on the request, which may be sent
	// again.
	Unprocessed bool
	// Leaving tells that the server takes no more calls on the connection.
	Leaving bool
	// Reason is what the server did wrong; empty: it has reset the call.
	Reason string
}

// Error returns the reason and the code.
func (e *CallError) Error() string {
	reason := e.Reason
	if reason == "" {
		reason = "the stream was reset"
	}
	return fmt.Sprintf("%s (HTTP/2 error %d)", reason, e.Code)
}

// GRPCStatus returns the status that a client of gRPC gives to a call that failed so.
func (e *CallError) GRPCStatus() int {
	const (
		cancelled         = 1
		permissionDenied  = 7
		resourceExhausted = 8
		internal          = 13
		unavailable       = 14
	)
	switch {
	case e.Leaving || e.Code == RefusedStream:
		return unavailable
	case e.Code == Cancel:
		return cancelled
	case e.Code == EnhanceYourCalm:
		return resourceExhausted
	case e.Code == InadequateSecurity:
		return permissionDenied
	default:
		return internal
	}
}

// drop forgets a call.
func (c *Caller) drop(call *Call) {
	call.open = false
	delete(c.calls, call.id)
	c.give(call.unread)
	call.unread = 0
}

// Reset closes a call that is open, without a further call of the CallHandler.
func (c *Caller) Reset(call *Call, code Code) {
	if call.open {
		c.out = appendReset(c.out, call.id, code)
		c.drop(call)
	}
}

// breakOff ends a call for an error of the server.
func (c *Caller) breakOff(call *Call, code Code, reason string) {
	c.Reset(call, code)
	call.ended = true
	c.handler.Over(call, &CallError{Code: code, Reason: reason})
}

// Taken notes that n bytes of the content of a call were taken. The server may send as
// many more.
func (c *Caller) Taken(call *Call, n int) {
	if !call.open || n == 0 {
		return // drop has given the window back
	}
	call.unread -= int64(n)
	call.taken += int64(n)
	if !call.ended && call.taken >= int64(c.config.StreamWindow)/2 {
		c.out = appendWindow(c.out, call.id, call.taken)
		call.receive += call.taken
		call.taken = 0
	}
	c.give(int64(n))
}

// give returns n bytes of the window of the connection.
func (c *Caller) give(n int64) {
	if update := c.windows.give(n, c.config.ConnWindow); update > 0 {
		c.out = appendWindow(c.out, 0, update)
	}
}
