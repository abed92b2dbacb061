// Package http2 is the server's side of a connection of HTTP/2 (RFC 9113), and the client's
// side (Caller), without the connection: bytes that have arrived go in, calls of a Handler
// and bytes to be sent come out. It owns no socket and no clock, and starts no goroutine.
// What follows is about the server's side.
//
//	Conn      one connection: frames, settings, header compression, flow control
//	Stream    one request and its response
//	Handler   what learns of requests, their content, and room to send
//	Config    what the connection allows
//	Error     why a connection is ended
//
// # Requests
//
// A request is given to the Handler as a head of HTTP/1.1, so that the rules for
// HTTP/1.1 hold for HTTP/2 too. This package checks what package http1 cannot see any
// more: pseudo fields, fields that belong to one connection, bytes that would change
// the meaning of the text, and the length of the content (RFC 9113, 8.1 to 8.3).
//
// # Responses
//
// The fields of a response are compressed without a dynamic table: each block stands
// alone, costs no memory between two responses, and no lookup. The size is what nginx
// sends. Requests are decompressed by golang.org/x/net/http2/hpack.
//
// # Hostile clients
//
// All that a client can have the connection do or keep is bounded: the streams, the
// size of a header block and of its fields, the content that has not been taken. Frames that cost work
// and carry nothing have a budget, which grows with time and with each response; see
// budget. A client that exceeds it gets ENHANCE_YOUR_CALM.
package http2

import "fmt"

// Code is an error code (RFC 9113, 7).
type Code uint32

// The error codes.
const (
	NoError            Code = 0x0
	ProtocolError      Code = 0x1
	InternalError      Code = 0x2
	FlowControlError   Code = 0x3
	SettingsTimeout    Code = 0x4
	StreamClosed       Code = 0x5
	FrameSizeError     Code = 0x6
	RefusedStream      Code = 0x7
	Cancel             Code = 0x8
	CompressionError   Code = 0x9
	ConnectError       Code = 0xa
	EnhanceYourCalm    Code = 0xb
	InadequateSecurity Code = 0xc
	HTTP11Required     Code = 0xd
)

// Error says why a connection ends. The client was sent a GOAWAY with the code.
type Error struct {
	Code   Code
	Reason string
}

// Error returns the reason and the code.
func (e *Error) Error() string { return fmt.Sprintf("%s (HTTP/2 error %d)", e.Reason, e.Code) }

// Config is what a connection allows its client. All fields are required.
type Config struct {
	// Streams is how many requests may be open at the same time.
	Streams int
	// StreamWindow and ConnWindow are how many bytes of content a client may send that
	// the Handler has not taken: of one request, and of all. ConnWindow must have room
	// for all streams: those whose content waits must not hold the others up.
	StreamWindow, ConnWindow int
	// MaxStreamWindow is to what the window of a request grows while the Handler takes
	// its content.
	MaxStreamWindow int
	// Block is the size of a header block, as it is sent, and of the head of a request,
	// as the Handler gets it. What goes beyond that is decoded and dropped.
	Block int
}

// Handler learns of what the client does. Conn calls it during Receive. It may call all
// methods of Conn but Receive.
type Handler interface {
	// Room returns b with room for n more bytes, in other memory if need be.
	Room(b []byte, n int) []byte
	// Open returns the memory for a stream that begins, a zero Stream or one that was
	// closed.
	Open() *Stream
	// Request takes a request, as a head of HTTP/1.1, which is valid until Request
	// returns. Content follows unless s.Ended.
	Request(s *Stream, head []byte)
	// Content takes some of the content, which is valid until Content returns. It is
	// the last if s.Ended. The Handler says with Conn.Taken how much it has taken.
	Content(s *Stream, payload []byte)
	// Closed is called when the client or an error has closed a stream.
	Closed(s *Stream, code Code)
	// Writable is called when the client takes more of a stream on which Write has not
	// taken all bytes; nil: of any.
	Writable(s *Stream)
}

// Stream is one request and its response.
type Stream struct {
	// Owner is of the Handler.
	Owner any
	// Urgency and Incremental are the priority (RFC 9218): 0 is the most urgent; an
	// incremental response is of use in parts.
	Urgency     uint8
	Incremental bool

	id        uint32
	open      bool
	ended     bool  // the client has sent all of the request
	finished  bool  // all of the response was sent
	responded bool  // the head of the final response was sent
	send      int64 // how much the client takes
	receive   int64 // how much the client may send
	window    int64 // how much it may send that the Handler has not taken
	unread    int64 // content that the Handler has not taken
	taken     int64 // content that it has taken and the client was not told of
	left      int64 // content that is still to come; negative: unknown
}

// ID returns the number of the stream.
func (s *Stream) ID() uint32 { return s.id }

// IsOpen reports whether the stream is open in either direction.
func (s *Stream) IsOpen() bool { return s.open }

// Ended reports whether the client has sent all of the request.
func (s *Stream) Ended() bool { return s.ended }

// Finished reports whether all of the response was sent.
func (s *Stream) Finished() bool { return s.finished }

// defaultUrgency is the urgency of a request that names none (RFC 9218, 4.1).
const defaultUrgency = 3
