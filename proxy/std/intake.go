package std

import (
	"io"
	"sync"
)

// The sizes of buffers. A small one holds nearly all heads, together with small
// content; an idle connection has no larger one. A large one keeps the number of
// system calls for large content low.
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

// putBuffer gives a buffer of getBuffer back.
func putBuffer(b []byte) {
	switch cap(b) {
	case smallSize:
		smallBuffers.Put((*[smallSize]byte)(b[:smallSize]))
	case largeSize:
		largeBuffers.Put((*[largeSize]byte)(b[:largeSize]))
	}
}

// intake holds bytes that were read from a connection and are not used yet. The zero
// value is empty and has no buffer.
type intake struct {
	buffer     []byte
	start, end int  // of the bytes that are held
	full       bool // the last read filled the buffer
}

// bytes returns the bytes that are held. The slice is valid until the next call of
// read, hold or release.
func (in *intake) bytes() []byte { return in.buffer[in.start:in.end] }

// empty reports whether no bytes are held.
func (in *intake) empty() bool { return in.start == in.end }

// skip drops the first n bytes.
func (in *intake) skip(n int) { in.start += n }

// hold appends bytes to those that are held.
func (in *intake) hold(b []byte) {
	for len(b) > 0 {
		n := copy(in.room(), b)
		in.end += n
		b = b[n:]
	}
}

// maxEmptyReads is how often in a row a reader may return neither bytes nor an error.
// It is the limit of package bufio.
const maxEmptyReads = 100

// read reads some bytes from r and appends them to those that are held. It returns an
// error only if it has read nothing.
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

// room returns where the next bytes go. The bytes that are held may move.
func (in *intake) room() []byte {
	if in.empty() {
		in.start, in.end = 0, 0
		if in.full && len(in.buffer) == smallSize { // more bytes are likely to be there
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

// shrink gives a large buffer back if no bytes are held.
func (in *intake) shrink() {
	if in.empty() && len(in.buffer) > smallSize {
		in.release()
	}
}

// release drops the bytes that are held, and gives the buffer back.
func (in *intake) release() {
	putBuffer(in.buffer)
	*in = intake{}
}
