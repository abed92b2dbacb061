package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/internal/settings"
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
// closes it, on a goroutine of its own, and may go on after the response, until
// stop. Closing does nothing, so that a body nobody has read from can be sent on
// another connection. The methods of a nil upload are those of no body.
type upload struct {
	body    io.Reader
	reading sync.Mutex // held while body is read

	mu      sync.Mutex     // guards all below
	lease   registry.Lease // of the instance that gets it
	began   time.Time      // when that instance began to get the request
	renew   func()         // called before body is read, unless nil
	touched bool           // someone has begun to read
	ended   bool           // it was read to its end
	last    time.Time      // when the client last sent something
	err     error          // why reading failed; io.EOF is no failure
}

// Read reads what the client sent.
func (u *upload) Read(p []byte) (int, error) {
	u.reading.Lock()
	defer u.reading.Unlock()
	u.mu.Lock()
	u.touched = true
	if u.renew != nil {
		u.renew()
	}
	u.mu.Unlock()
	n, err := u.body.Read(p)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.last = time.Now()
	if n > 0 && u.last.Sub(u.began) >= settings.LongUpload {
		u.lease.Progressed() // it has taken what was read before
	}
	if errors.Is(err, io.EOF) {
		u.ended = true
	} else if err != nil {
		u.err = err
	}
	return n, err
}

// track has the instance's progress with the body reported on its lease.
func (u *upload) track(lease registry.Lease) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lease, u.began = lease, time.Now()
}

// within sets how long each read may take.
func (u *upload) within(d time.Duration, w http.ResponseWriter) {
	rc := http.NewResponseController(w)
	u.renew = func() { _ = rc.SetReadDeadline(time.Now().Add(d)) } // if it cannot, reads take as long as they take
}

// leave is called at the end of the handler: its writer must not be used any more,
// and whoever reads the body may not have noticed yet.
func (u *upload) leave() {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.renew = nil
}

// Close does nothing: the body is the server's to close.
func (u *upload) Close() error { return nil }

// whole reports whether nobody has read from the body.
func (u *upload) whole() bool {
	if u == nil {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.touched
}

// before calls do unless somebody has begun to read. Nobody begins meanwhile.
func (u *upload) before(do func()) {
	if u == nil {
		do()
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.touched {
		do()
	}
}

// complete reports whether the body was read to its end.
func (u *upload) complete() bool {
	if u == nil {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.ended
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

// stop ends the reading of a body that is no longer wanted, and bounds how long
// the server waits for the rest of it. It is for HTTP/1, where the rest is in
// the way; net/http takes a deadline back when it finds someone reading.
func (u *upload) stop(w http.ResponseWriter) {
	rc := http.NewResponseController(w)
	if rc.SetReadDeadline(time.Unix(1, 0)) != nil { // long ago
		return // not under net/http's server, which is the one that waits
	}
	u.reading.Lock()
	defer u.reading.Unlock()
	_ = rc.SetReadDeadline(time.Now().Add(settings.LingerTimeout))
}

// download is the body of a response. It gives the connection that it came on
// back when it was read to its end.
type download struct {
	body  io.ReadCloser
	from  *upstream
	lease registry.Lease
	err   error // why reading failed; io.EOF is no failure
}

// Read reads what the instance sent.
func (d *download) Read(p []byte) (int, error) {
	n, err := d.body.Read(p)
	switch {
	case err == nil:
		d.lease.Progressed()
	case errors.Is(err, io.EOF):
		d.from.release()
	default:
		d.err = err
	}
	return n, err
}

// Close breaks the response off unless it was read to its end.
func (d *download) Close() error { return d.body.Close() }
