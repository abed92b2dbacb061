package fastpath

import (
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// Content whose length is known, and of which much is left, goes from socket to
// socket through a pipe, without being copied into this process. Measured over
// loopback, relaying 1 MiB costs 0.5 of the processor time of copying it through
// a buffer with a pipe of this size, 0.8 with the kernel's 64 KiB, 0.35 with 1
// MiB (which would let one connection keep the others waiting for longer); 256
// KiB costs 0.6, 64 KiB 0.75 with a wide spread, which two descriptors and the
// calls to set it up eat up.
const (
	pipeSize   = 256 << 10
	spliceFrom = 128 << 10 // bytes that are left
	sparePipes = 16        // kept for later, by each loop
	pipeFor    = 4         // clients that may be connected, for each pipe there may be
)

// pipe holds bytes on their way from an instance to a client.
type pipe struct {
	r, w socket
	n    int // how many
}

// newPipe returns an empty pipe, or nil when there is none to be had: it is two
// descriptors that connections might need.
func (l *loop) newPipe() *pipe {
	if last := len(l.pipes) - 1; last >= 0 {
		p := l.pipes[last]
		l.pipes = l.pipes[:last]
		return p
	}
	e := l.engine
	limit := int64(e.settings.Load().MaxConnections)
	var fds [2]int
	if e.pipes.Add(1) > (limit+pipeFor-1)/pipeFor && limit > 0 || unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC) != nil {
		e.pipes.Add(-1)
		return nil
	}
	_, _ = unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, pipeSize) // a smaller one will do
	return &pipe{r: socket(fds[0]), w: socket(fds[1])}
}

// dropPipe takes a pipe back. What is in it is lost.
func (l *loop) dropPipe(p *pipe) {
	if p.n == 0 && len(l.pipes) < sparePipes && !l.stopped {
		l.pipes = append(l.pipes, p)
		return
	}
	l.closePipe(p)
}

func (l *loop) closePipe(p *pipe) {
	l.engine.pipes.Add(-1)
	p.close()
}

func (p *pipe) close() {
	p.r.close()
	p.w.close()
}

// splices reports whether what is left of the response goes through a pipe.
func (x *exchange) splices() bool {
	if x.pipe == nil && !x.chunkDown && x.down.Rest() >= spliceFrom && x.upstream.held.none() {
		x.pipe = x.loop.newPipe()
	}
	return x.pipe != nil
}

// splice takes into the pipe, which is empty, what the instance has sent. It
// reports whether there may be more.
func (x *exchange) splice() bool {
	u := x.upstream
	if u.ready&(readable|ended|broken) == 0 {
		return false
	}
	n, errno := move(u.fd, x.pipe.w, int(min(x.down.Rest(), pipeSize)))
	switch {
	case errno == syscall.EAGAIN:
		u.ready &^= readable
		return false
	case errno != 0:
		x.instanceEnded(errno)
		return false
	case n == 0:
		x.instanceEnded(io.EOF)
		return false
	}
	x.lease.Progressed()
	x.pipe.n = n
	x.down.Move(int64(n))
	if x.down.Done() {
		x.release()
		if u.fd.quiet() { // that there is no more, nothing has shown yet
			u.ready &^= readable
		}
	}
	return true
}

// drain passes on what is in the pipe. It reports whether nothing is any more.
func (x *exchange) drain() (bool, error) {
	c, p := x.client, x.pipe
	before := p.n
	for p.n > 0 {
		n, errno := move(p.r, c.fd, p.n)
		if errno == syscall.EAGAIN {
			c.ready &^= writable
			if p.n < before || !c.stalling {
				x.stall()
			}
			return false, nil
		}
		if errno != 0 {
			return false, errno
		}
		p.n -= n
	}
	if before > 0 {
		c.took()
	}
	return true, nil
}

// owes reports whether there is something for the client that it has not taken.
func (x *exchange) owes() bool {
	return !x.client.out.empty() || x.pipe != nil && x.pipe.n > 0
}

// move moves up to n bytes from one descriptor to another, of which one is a
// pipe. At the end of what there is it returns 0 without an error.
func move(from, to socket, n int) (int, syscall.Errno) {
	moved, _, errno := syscall.RawSyscall6(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(n), unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
	if errno != 0 {
		return 0, errno
	}
	return int(moved), 0
}
