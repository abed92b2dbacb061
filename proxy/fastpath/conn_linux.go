package fastpath

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/proxy/http1"
)

// state is what a connection is about. Each is a method of conn, called when
// something became ready (see step), and has a limit to how long it may last
// (see expired).
type state uint8

const (
	closed     state = iota
	awaiting         // client: for the head of a request
	exchanging       // client: its request is being carried
	lingering        // client: the last response was written; it may still be sending
	tunnelling       // either: a member of a tunnel
	connecting       // instance
	serving          // instance: it has a request
	resting          // instance: idle, in its pool
	settling         // instance: in its pool, to show whether stray bytes follow a response
	checking         // instance: connecting only to see whether it is alive
)

// What is registered with epoll, once, and reported when it changes.
const (
	readable = unix.EPOLLIN
	ended    = unix.EPOLLRDHUP // the peer will send nothing more
	writable = unix.EPOLLOUT
	broken   = unix.EPOLLERR | unix.EPOLLHUP
	interest = readable | writable | ended | unix.EPOLLET
)

// conn is a socket, of a client or to an instance. An idle one costs little
// more than this struct.
type conn struct {
	loop     *loop
	exchange *exchange // while exchanging, connecting, serving, checking
	tunnel   *tunnel   // while tunnelling
	pool     *pool     // of an instance
	timer    timer

	held backlog // read, and not used yet
	out  backlog // not written yet: the peer is slow

	request *http1.Request // while a part of a head has arrived
	began   int64          // when that was
	remote  string         // IP address of a client, "" when it has none
	port    uint16

	fd    socket
	turn  uint32 // of its place in the loop's table, so that late events are known
	ready uint32 // what epoll said and was not found otherwise since

	untaken  int32 // bytes that the kernel had for the peer when it stalled
	state    state
	stalling bool // the peer has a time to take something of what waits for it
	used     bool // client: a request was read
	queued   bool // in loop.again
	hungUp   bool // tunnelling, lingering: what is written was ended
	finished bool // tunnelling: what is read has ended
}

// step is called when something may be ready.
func (c *conn) step() {
	defer c.loop.rescue(c, c.exchange, c.tunnel)
	switch c.state {
	case closed:
	case awaiting:
		c.await()
	case exchanging:
		c.exchange.clientReady()
	case lingering:
		c.linger()
	case tunnelling:
		c.relay()
	case connecting:
		c.exchange.connected()
	case serving:
		c.exchange.instanceReady()
	case resting, settling:
		c.rested()
	case checking:
		c.exchange.checked()
	}
}

// expired is called when the connection's timer is due.
func (c *conn) expired() {
	defer c.loop.rescue(c, c.exchange, c.tunnel)
	switch c.state {
	case closed:
	case awaiting:
		c.awaitedLong()
	case exchanging:
		c.exchange.clientSilent()
	case lingering, resting:
		c.close()
	case settling:
		c.pool.settled(c)
	case tunnelling:
		c.tunnel.stalled(c)
	case connecting:
		c.exchange.connectFailed(os.NewSyscallError("connect", syscall.ETIMEDOUT))
	case serving:
		c.exchange.instanceSilent()
	case checking:
		c.exchange.checked()
	}
}

// within sets when the connection's timer is due: in d from now.
func (c *conn) within(d int64) { c.loop.wheel.set(&c.timer, c.loop.now+d) }

// close closes the connection.
func (c *conn) close() { c.shut(false) }

// reset closes the connection so that the peer sees that something is wrong.
func (c *conn) reset() { c.shut(true) }

func (c *conn) shut(reset bool) {
	if c.state == closed {
		return
	}
	c.leave()
	if c.pool == nil {
		c.loop.engine.left()
	}
	if reset {
		c.fd.reset()
	} else {
		c.fd.close()
	}
}

// leave takes the connection out of the loop, with all it has there.
func (c *conn) leave() {
	l := c.loop
	switch c.state {
	case resting:
		c.pool.remove(c)
	case settling:
		c.pool.disturbed(c)
	case lingering:
		l.lingers--
	default:
	}
	c.state = closed
	l.wheel.take(&c.timer)
	c.timer.clear()
	c.held.release(&l.buffers)
	c.out.release(&l.buffers)
	c.dropRequest()
	c.exchange, c.tunnel = nil, nil
	l.table[c.fd] = nil
	if c.pool == nil {
		l.load.Add(-1)
	} else {
		l.engine.behind.Add(-1)
	}
}
