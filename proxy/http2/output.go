package http2

import "encoding/binary"

// appendSettings appends SETTINGS: names and values.
func appendSettings(b []byte, settings [][2]uint32) []byte {
	b = appendFrame(b, 6*len(settings), frameSettings, 0, 0)
	for _, s := range settings {
		b = binary.BigEndian.AppendUint16(b, uint16(s[0]))
		b = binary.BigEndian.AppendUint32(b, s[1])
	}
	return b
}

// appendPong appends the answer to a PING.
func appendPong(b, payload []byte) []byte {
	return append(appendFrame(b, len(payload), framePing, flagAck, 0), payload...)
}

// appendWindow appends a WINDOW_UPDATE.
func appendWindow(b []byte, stream uint32, n int64) []byte {
	return binary.BigEndian.AppendUint32(appendFrame(b, 4, frameWindow, 0, stream), uint32(n))
}

// appendReset appends a RST_STREAM.
func appendReset(b []byte, stream uint32, code Code) []byte {
	return binary.BigEndian.AppendUint32(appendFrame(b, 4, frameReset, 0, stream), uint32(code))
}

// appendGoAway appends a GOAWAY.
func appendGoAway(b []byte, last uint32, code Code, reason string) []byte {
	b = appendFrame(b, 8+len(reason), frameGoAway, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return append(b, reason...)
}

// appendHeaders begins HEADERS, which endBlock ends.
func (p *peer) appendHeaders(b []byte, stream uint32) []byte {
	b = appendFrame(b, 0, frameHeaders, flagEndHeaders, stream)
	if p.resetTable {
		p.resetTable = false
		b = append(b, 0x20) // the table has no bytes (RFC 7541, 6.3)
	}
	return b
}

// putLength writes the length of a frame.
func putLength(b []byte, n int) { b[0], b[1], b[2] = byte(n>>16), byte(n>>8), byte(n) }

// endBlock ends the last frame of b, HEADERS that begin at at. If they are too long, it
// turns them into HEADERS and CONTINUATION.
func endBlock(b []byte, at int, stream uint32) []byte {
	start := at + frameHead
	if len(b)-start <= maxFrame {
		putLength(b[at:], len(b)-start)
		return b
	}
	rest := append([]byte(nil), b[start+maxFrame:]...)
	putLength(b[at:], maxFrame)
	b[at+4] &^= flagEndHeaders
	b = b[:start+maxFrame]
	for len(rest) > 0 {
		n, flags := min(len(rest), maxFrame), uint8(0)
		if n == len(rest) {
			flags = flagEndHeaders
		}
		b = append(appendFrame(b, n, frameContinuation, flags, stream), rest[:n]...)
		rest = rest[n:]
	}
	return b
}
