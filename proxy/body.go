package proxy

import (
	"errors"
	"io"
	"sync"
	"time"
)

// bufferSize is the size of the buffers that bodies are copied through.
const bufferSize = 32 << 10

// buffers is an httputil.BufferPool.
type buffers struct{}

var bufferPool = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// Get returns a buffer.
func (buffers) Get() []byte { return bufferPool.Get().(*[bufferSize]byte)[:] }

// Put takes a buffer of Get back.
func (buffers) Put(b []byte) { bufferPool.Put((*[bufferSize]byte)(b)) }

// upload is the body of a request. The connection to the instance reads and
// closes it, on its own goroutine, and may go on doing so after the response.
// Closing does nothing, so that a body nobody has read from can be sent on
// another connection.
type upload struct {
	body io.Reader

	mu      sync.Mutex // guards all below
	touched bool       // someone has begun to read
	last    time.Time  // when the client last sent something
	err     error      // why reading failed; io.EOF is no failure
}

// Read reads what the client sent.
func (u *upload) Read(p []byte) (int, error) {
	u.mu.Lock()
	u.touched = true
	u.mu.Unlock()
	n, err := u.body.Read(p)
	u.mu.Lock()
	u.last = time.Now()
	if err != nil && !errors.Is(err, io.EOF) {
		u.err = err
	}
	u.mu.Unlock()
	return n, err
}

// Close does nothing: the body is the server's to close.
func (u *upload) Close() error { return nil }

// whole reports whether nobody has read from the body. No body is whole.
func (u *upload) whole() bool {
	if u == nil {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.touched
}

// failure returns why the body could not be read, or nil.
func (u *upload) failure() error {
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// since returns the time since the request was sent: since start, or since the
// client's last byte when it was still sending then.
func (u *upload) since(start time.Time) time.Duration {
	if u != nil {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.last.After(start) {
			start = u.last
		}
	}
	return time.Since(start)
}

// download is the body of a response. It gives the connection that it came on
// back when it was read to its end.
type download struct {
	body io.ReadCloser
	from *upstream
	err  error // why reading failed; io.EOF is no failure
}

// Read reads what the instance sent.
func (d *download) Read(p []byte) (int, error) {
	n, err := d.body.Read(p)
	switch {
	case err == nil:
	case err == io.EOF: //nolint:errorlint // Readers return it as it is
		d.from.release()
	default:
		d.err = err
	}
	return n, err
}

// Close breaks the response off unless it was read to its end.
func (d *download) Close() error { return d.body.Close() }
