//go:build linux

package eventloop

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// acceptor accepts the connections of one listener. All loops have its socket in
// their poller.
type acceptor struct {
	group    *Group
	listener net.Listener
	file     *os.File // its socket, with a descriptor of its own
	fd       Socket   // of file
	once     sync.Once
	stopped  chan struct{} // closed by stop
	left     chan struct{} // closed when no loop has the socket any more and it is closed
	users    atomic.Int32  // of file: loops, and Serve
	err      error         // why it stopped; nil when it was told to. Set before stopped is closed
}

// Serve accepts connections on l, until Close or Leave; then it returns nil. It
// closes l, which must be one of package net: it fails with errors.ErrUnsupported,
// and leaves l alone, when that has no socket. It may be called for several
// listeners.
func (g *Group) Serve(l net.Listener) error {
	source, ok := l.(interface{ File() (*os.File, error) })
	if !ok {
		return fmt.Errorf("serve %v: %T has no socket: %w", l.Addr(), l, errors.ErrUnsupported)
	}
	file, err := source.File()
	if err != nil {
		_ = l.Close()
		if g.Closing() {
			return nil
		}
		return fmt.Errorf("serve %v: %w", l.Addr(), err)
	}
	fd, err := numberOf(file)
	if err != nil {
		_, _ = file.Close(), l.Close() // it has accepted no connection
		return fmt.Errorf("serve %v: %w", l.Addr(), err)
	}
	a := &acceptor{group: g, listener: l, file: file, fd: fd, stopped: make(chan struct{}), left: make(chan struct{})}
	setOptions(int(a.fd))
	a.users.Store(1)
	if err := g.start(a); err != nil {
		a.stop(nil)
		a.leave()
		return fmt.Errorf("serve %v: %w", l.Addr(), err)
	}
	<-a.stopped
	g.forget(a)
	g.each(func(l *Loop) { l.unlisten(a) })
	a.leave()
	<-a.left
	if a.err != nil {
		return fmt.Errorf("serve %v: %w", l.Addr(), a.err)
	}
	return nil
}

// numberOf returns the descriptor of a file. File.Fd would have the socket block for a
// moment, and with it the loop of another process that shares it.
func numberOf(file *os.File) (number Socket, err error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return 0, err
	}
	err = raw.Control(func(fd uintptr) { number = Socket(fd) })
	return number, err
}

// stop ends accepting; Serve does the rest. The socket is never shut down with
// shutdown(2): another process that shares it, such as a successor of this one, goes on
// to accept.
func (a *acceptor) stop(err error) {
	a.once.Do(func() {
		a.err = err
		close(a.stopped)
	})
}

// awaitLeft waits until the socket is closed, after stop. No loop may call it.
func (a *acceptor) awaitLeft() { <-a.left }

// isStopped reports whether stop was called.
func (a *acceptor) isStopped() bool {
	select {
	case <-a.stopped:
		return true
	default:
		return false
	}
}

// leave is called by each user of file. The last one closes the socket: both of its
// descriptors. It refuses connections then, unless another process has it too.
func (a *acceptor) leave() {
	if a.users.Add(-1) == 0 {
		_ = a.file.Close()
		_ = a.listener.Close()
		close(a.left)
	}
}

// listening is an acceptor in a loop.
type listening struct {
	*acceptor
	loop   *Loop
	timer  Timer         // ends a pause
	pause  time.Duration // the last one after an error
	paused bool          // it is not in the poller
}

// listen begins to accept.
func (l *Loop) listen(a *acceptor) {
	in := &listening{acceptor: a, loop: l, paused: true}
	in.timer.Owner = in
	l.listeners = append(l.listeners, in)
	in.resume()
}

// maxLastBatches bounds the work of unlisten. More connections than these 4,096 do not
// wait by default (net.core.somaxconn).
const maxLastBatches = 4096 / acceptBatch

// unlisten forgets an acceptor. Connections that wait are accepted first: closing the
// socket would reset them.
func (l *Loop) unlisten(a *acceptor) {
	i := slices.IndexFunc(l.listeners, func(in *listening) bool { return in.acceptor == a })
	if i < 0 {
		return
	}
	in := l.listeners[i]
	for range maxLastBatches {
		if l.stopped || in.paused || !in.accept() {
			break
		}
	}
	in.suspend()
	l.wheel.take(&in.timer)
	l.listeners = slices.Delete(l.listeners, i, i+1)
	a.leave()
}

// suspend takes the listener out of the poller, where it would wake the loop
// again and again.
func (in *listening) suspend() {
	if !in.paused {
		in.paused = true
		in.loop.poller.remove(in.fd)
	}
}

// resume puts it back.
func (in *listening) resume() {
	if !in.paused || in.isStopped() {
		return
	}
	in.timer.Clear()
	if err := in.loop.poller.addListener(in.fd); err != nil {
		in.loop.wheel.set(&in.timer, in.loop.clock.now+int64(maxPause))
		return
	}
	in.paused = false
}

// Expired is called when a pause is over.
func (in *listening) Expired() { in.resume() }

// roomInterval is how often a loop whose clients wait asks for room: a connection that
// is needed now may not be soon.
const roomInterval = 100 * time.Millisecond

// takeRoom counts another connection, before it is accepted: loops accept at the
// same time. When there is no room for a client that waits, it suspends accepting until
// there is, asks for room, and returns false: see Group.releaseConn.
func (in *listening) takeRoom() bool {
	g := in.loop.group
	limit := int64(g.options.MaxConns())
	if g.open.Add(1) <= limit || limit == 0 {
		return true
	}
	if !in.fd.pending() {
		g.releaseConn() // not open.Add: another loop may have seen the count too high
		return false
	}
	in.suspend()
	g.full.Store(true)
	if g.open.Add(-1) < limit { // one was closed just now
		g.WakeAcceptors()
		return false
	}
	g.options.MakeRoom(in.loop)
	in.loop.wheel.set(&in.timer, in.loop.clock.now+int64(roomInterval)) // then it asks again
	return false
}

// temporary reports whether an error of accepting says nothing about the
// listener.
func temporary(errno syscall.Errno) bool {
	switch errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EPROTO, syscall.EINTR:
		return true
	default:
		return false
	}
}
