//go:build unix

package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/dynlb/dynlb/proxy/internal/fault"
)

// open prepares the reading of s.
func (r *rawReader) open(s *socket) (err error) {
	r.conn, err = s.SyscallConn()
	r.onRead = func(fd uintptr) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		r.n, r.err = readDescriptor(fd, r.buffer)
		if r.n > 0 && s.unaskedLocked() {
			r.n, r.err = 0, fault.ErrSurplus
		}
		return !errors.Is(r.err, syscall.EAGAIN)
	}
	r.onAsk = func(fd uintptr) {
		n, err := readDescriptor(fd, r.one[:])
		switch {
		case n > 0:
			r.found = fault.ErrSurplus
		case errors.Is(err, syscall.EAGAIN):
			r.found = nil
		default:
			r.found = err
		}
	}
	return err
}

// read reads into p.
func (r *rawReader) read(_ *socket, p []byte) (int, error) {
	r.buffer = p
	err := r.conn.Read(r.onRead)
	r.buffer = nil
	if err != nil {
		return 0, err
	}
	return r.n, r.err
}

// probe returns an error when there is something to read. The socket is locked.
func (r *rawReader) probe() error {
	if err := r.conn.Control(r.onAsk); err != nil {
		return err
	}
	return r.found
}

// readDescriptor reads a socket that does not block. It returns io.EOF at the
// end, and EAGAIN when there is nothing yet.
func readDescriptor(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), p)
		switch {
		case n > 0:
			return n, nil
		case err == nil:
			return 0, io.EOF
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return 0, syscall.EAGAIN
		default:
			return 0, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", err)}
		}
	}
}
