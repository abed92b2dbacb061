package http2

import "encoding/binary"

// frameType is the type of a frame (RFC 9113, 6; RFC 9218, 7.1).
type frameType uint8

const (
	frameData           frameType = 0x0
	frameHeaders        frameType = 0x1
	framePriority       frameType = 0x2
	frameReset          frameType = 0x3
	frameSettings       frameType = 0x4
	framePush           frameType = 0x5
	framePing           frameType = 0x6
	frameGoAway         frameType = 0x7
	frameWindow         frameType = 0x8
	frameContinuation   frameType = 0x9
	framePriorityUpdate frameType = 0x10
)

// The flags of frames.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

const (
	// frameHead is the length of what precedes each payload (RFC 9113, 4.1).
	frameHead = 9
	// maxFrame is the longest payload that is accepted, the minimum that an endpoint
	// must accept (RFC 9113, 4.2), and the longest that is sent: a longer one would
	// hold up the other streams.
	maxFrame = 16 << 10
	// maxWindow is the largest window (RFC 9113, 6.9.1).
	maxWindow = 1<<31 - 1
	// defaultWindow is the window before any settings (RFC 9113, 6.9.2).
	defaultWindow = 1<<16 - 1
)

// frame is what precedes a payload.
type frame struct {
	length int
	kind   frameType
	flags  uint8
	stream uint32
}

// has reports whether a flag is set.
func (f *frame) has(flag uint8) bool { return f.flags&flag != 0 }

// readFrame reads what precedes a payload. b has frameHead bytes.
func readFrame(b []byte) frame {
	return frame{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]),
		kind:   frameType(b[3]),
		flags:  b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & maxWindow,
	}
}

// appendFrame appends what precedes a payload.
func appendFrame(b []byte, length int, kind frameType, flags uint8, stream uint32) []byte {
	b = append(b, byte(length>>16), byte(length>>8), byte(length), byte(kind), flags)
	return binary.BigEndian.AppendUint32(b, stream)
}

// check checks what holds for the frames of either side: the length, and which frames are
// for a stream.
func (f *frame) check() *Error {
	switch f.kind {
	case frameReset:
		if f.stream == 0 {
			return &Error{ProtocolError, "RST_STREAM without a stream"}
		}
		return f.sized("RST_STREAM", f.length == 4)
	case frameSettings:
		return f.whole("SETTINGS", f.length%6 == 0 && (f.length == 0 || !f.has(flagAck)))
	case framePing:
		return f.whole("PING", f.length == 8)
	case frameGoAway:
		return f.whole("GOAWAY", f.length >= 8)
	case frameWindow:
		return f.sized("WINDOW_UPDATE", f.length == 4)
	default:
		return nil
	}
}

// whole returns the error of a frame that is for the whole connection.
func (f *frame) whole(name string, sized bool) *Error {
	if f.stream != 0 {
		return &Error{ProtocolError, name + " on a stream"}
	}
	return f.sized(name, sized)
}

// sized returns the error of a frame whose length is wrong unless ok.
func (f *frame) sized(name string, ok bool) *Error {
	if !ok {
		return &Error{FrameSizeError, name + " has a wrong length"}
	}
	return nil
}

// The errors of a header block whose frames do not follow each other.
var (
	errInterrupted  = &Error{ProtocolError, "header block is interrupted"}
	errContinuation = &Error{ProtocolError, "CONTINUATION without HEADERS"}
)

// unpad takes the padding off the payload of a frame.
func unpad(f *frame, b []byte) ([]byte, *Error) {
	if !f.has(flagPadded) {
		return b, nil
	}
	if len(b) == 0 {
		return nil, &Error{FrameSizeError, "padded frame without a pad length"}
	}
	padding := int(b[0])
	if b = b[1:]; padding > len(b) {
		return nil, &Error{ProtocolError, "padding is longer than its frame"}
	}
	return b[:len(b)-padding], nil
}
