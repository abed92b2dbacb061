package std

import (
	"io"
	"sync"
)

// The sizes of the buffers for bytes that are read. The small one holds nearly all
// heads together with small content; a connection that waits has no larger one.
const (
	smallSize = 4 << 10
	largeSize = 32 << 10
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallSize]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeSize]byte) }}
)

// getBuffer returns a buffer of at least size bytes.
func getBuffer(size int) []byte {
	switch {
	case size <= smallSize:
		return smallBuffers.Get().(*[smallSize]byte)[:]
	case size <= largeSize:
		return largeBuffers.Get().(*[largeSize]byte)[:]
	default:
		return make([]byte, size)
	}
}

// putBuffer takes a buffer of getBuffer back.
func putBuffer(b []byte) {
	switch cap(b) {
	case smallSize:
		smallBuffers.Put((*[smallSize]byte)(b[:smallSize]))
	case largeSize:
		largeBuffers.Put((*[largeSize]byte)(b[:largeSize]))
	}
}

// intake holds the bytes that were read from a connection and are not used yet. The
// zero value is empty and has no buffer.
type intake struct {
	buffer     []byte
	start, end int  // of what is held
	full       bool // the last read filled the buffer
}

// bytes returns what is held. It is valid until the next call of read, or release.
func (in *intake) bytes() []byte { return in.buffer[in.start:in.end] }

// empty reports whether nothing is held.
func (in *intake) empty() bool { return in.start == in.end }

// skip drops the first n bytes.
func (in *intake) skip(n int) { in.start += n }

// hold puts bytes behind those that are held.
func (in *intake) hold(b []byte) {
	for len(b) > 0 {
		n := copy(in.room(), b)
		in.end += n
		b = b[n:]
	}
}

// maxEmptyReads bounds how often a reader may return neither bytes nor an error, as
// package bufio does.
const maxEmptyReads = 100

// read reads some bytes from r behind those that are held. It returns an error only
// when it has read none.
func (in *intake) read(r io.Reader) error {
	room := in.room()
	for range maxEmptyReads {
		n, err := r.Read(room)
		in.end += n
		in.full = n == len(room)
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// room returns where the next bytes go. What is held may move.
func (in *intake) room() []byte {
	if in.empty() {
		in.start, in.end = 0, 0
		if in.full && len(in.buffer) == smallSize { // there is more where that came from
			putBuffer(in.buffer)
			in.buffer = getBuffer(largeSize)
		}
	}
	switch {
	case in.buffer == nil:
		in.buffer = getBuffer(smallSize)
	case in.end < len(in.buffer):
	case in.start > 0:
		in.end = copy(in.buffer, in.bytes())
		in.start = 0
	default:
		larger := getBuffer(max(2*len(in.buffer), largeSize))
		copy(larger, in.buffer)
		putBuffer(in.buffer)
		in.buffer = larger
	}
	return in.buffer[in.end:]
}

// shrink gives a large buffer back if nothing is held.
func (in *intake) shrink() {
	if in.empty() && len(in.buffer) > smallSize {
		in.release()
	}
}

// release drops what is held, and gives the buffer back.
func (in *intake) release() {
	putBuffer(in.buffer)
	*in = intake{}
}
