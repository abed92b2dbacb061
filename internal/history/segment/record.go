package segment

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// A record is a header and a payload. The header has, in little endian,
//
//	4 bytes  length of the payload
//	4 bytes  CRC-32C (Castagnoli) of the rest of the header and of the payload
//	8 bytes  time in nanoseconds since 1970
//
// A part of a file that was never written reads as zeros, which are no record: the
// checksum of eight zeros is not zero.
const headerSize = 16

// maxPayload bounds a record, and with it what a damaged length makes a reader take.
const maxPayload = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Record is a record that was read. Its Payload is valid during the call it is given to.
type Record struct {
	Time    time.Time
	Payload []byte
	// At is the position of the record, and Next the one after it.
	At, Next Position
}

// appendRecord appends a record to b.
func appendRecord(b []byte, at time.Time, payload []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(at.UnixNano()))
	b = append(b, payload...)
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(b[start+8:], castagnoli))
	return b
}

// parseRecord returns the record at the beginning of b, and its size; 0 if there is none,
// or only a part of one.
func parseRecord(b []byte) (at time.Time, payload []byte, size int) {
	if len(b) < headerSize {
		return time.Time{}, nil, 0
	}
	length := binary.LittleEndian.Uint32(b)
	if length > maxPayload || len(b) < headerSize+int(length) {
		return time.Time{}, nil, 0
	}
	size = headerSize + int(length)
	if crc32.Checksum(b[8:size], castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return time.Time{}, nil, 0
	}
	at = time.Unix(0, int64(binary.LittleEndian.Uint64(b[8:])))
	return at, b[headerSize:size], size
}
