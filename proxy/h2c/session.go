package h2c

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/dynlb/dynlb/proxy/http2"
)

// session is a connection of HTTP/2 to an instance.
type session struct {
	conn    net.Conn
	settled chan struct{} // closed when the settings have arrived, or the session has ended
	pool    *Pool
	host    *host

	mu       sync.Mutex // guards all below, and the Conns
	caller   *http2.Caller
	conns    map[*Conn]struct{}
	unbegun  int       // Conns without a call
	wake     sync.Cond // for the writer
	spare    []byte    // memory for the output
	waiting  bool      // a Conn waits until less output waits
	taken    uint64    // bytes of output that the writer has begun to write
	broken   error     // why the session has ended; nil: it has not
	dropped  bool      // it ends when it is idle
	rests    *time.Timer
	announce sync.Once // closes settled
}

// errDone says that a session ended because it was not needed.
var errDone = errors.New("connection is not needed any more")

// newSession returns a session on a connection, which sends its preface.
func newSession(conn net.Conn, p *Pool, h *host) *session {
	s := &session{conn: conn, settled: make(chan struct{}), pool: p, host: h, conns: make(map[*Conn]struct{})}
	s.wake.L = &s.mu
	s.caller = http2.NewCaller(handler{s}, http2.CallerConfig{
		StreamWindow: streamWindow, ConnWindow: connWindow, Block: maxBlock,
	})
	go s.write() // these two end with the session
	go s.read()
	return s
}

// state returns how many requests the session takes, and why it has ended.
func (s *session) state() (free int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.caller.Free(), s.broken
}

// open returns a Conn for one more request, or nil.
func (s *session) open() *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil || s.dropped || s.caller.Free() <= s.unbegun || !alive(s.conn) {
		return nil
	}
	c := &Conn{session: s}
	c.call.Owner = c
	c.readable.L, c.writable.L = &s.mu, &s.mu
	s.conns[c] = struct{}{}
	s.unbegun++
	return c
}

// read reads frames until the session ends.
func (s *session) read() {
	b := make([]byte, 32<<10) // more than a frame
	have := 0
	for {
		n, err := s.conn.Read(b[have:])
		if err == nil {
			have += n
			var used int
			used, err = s.receive(b[:have])
			have = copy(b, b[used:have])
		}
		if err != nil {
			s.fail(err)
			return
		}
	}
}

// receive takes frames.
func (s *session) receive(b []byte) (used int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	used, err = s.caller.Receive(b)
	if s.caller.Settled() {
		s.announce.Do(func() { close(s.settled) })
	}
	if err == nil && len(s.caller.Output()) > maxControl {
		err = errControl
	}
	s.wake.Signal()
	s.restLocked()
	return used, err
}

var errControl = errors.New("instance does not read the answers that it asks for")

// write writes frames until the session ends, and closes the connection.
func (s *session) write() {
	defer func() { _ = s.conn.Close() }() // an error changes nothing
	for {
		s.mu.Lock()
		for len(s.caller.Output()) == 0 && s.broken == nil {
			s.wake.Wait()
		}
		b := s.caller.TakeOutput(s.spare)
		s.spare = nil
		s.taken += uint64(len(b))
		if s.waiting {
			s.waiting = false
			s.writableLocked()
		}
		broken := s.broken
		s.mu.Unlock()
		_, err := s.conn.Write(b)
		s.mu.Lock()
		if cap(b) <= maxOutput {
			s.spare = b
		}
		s.mu.Unlock()
		if broken != nil {
			return
		}
		if err != nil {
			s.fail(err)
		}
	}
}

// lastWrite bounds the time for what is written when a session ends.
const lastWrite = time.Second

// fail ends the session, and the requests on it.
func (s *session) fail(err error) {
	s.mu.Lock()
	if s.broken != nil {
		s.mu.Unlock()
		return
	}
	s.broken = err
	_ = s.conn.SetDeadline(time.Now().Add(lastWrite)) // the writer reports the error, and then closes it
	for c := range s.conns {
		if !c.over && (!c.begun || c.from >= s.taken) {
			c.endLocked(errUnsent)
		} else {
			c.endLocked(err)
		}
	}
	if s.rests != nil {
		s.rests.Stop()
	}
	s.announce.Do(func() { close(s.settled) })
	s.wake.Signal()
	s.mu.Unlock()
	s.pool.forget(s)
}

// drop has the session end when it is idle. The mutex of the Pool is held.
func (s *session) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped = true
	s.restLocked()
}

// restLocked is called when the session may have become idle.
func (s *session) restLocked() {
	if s.broken != nil || len(s.conns) > 0 {
		return
	}
	switch calls := s.caller.Calls(); {
	case s.dropped, s.caller.Leaving() && calls == 0:
		s.caller.Leave()
		s.wake.Signal()
		go s.fail(errDone) // fail needs the mutexes
	case s.rests == nil:
		s.rests = time.AfterFunc(s.pool.options.Idle, s.retire)
	default:
		s.rests.Reset(s.pool.options.Idle)
	}
}

// retire ends a session that has been idle for long.
func (s *session) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) == 0 {
		s.dropped = true
		s.restLocked()
	}
}

// writableLocked wakes all Conns that wait to write.
func (s *session) writableLocked() {
	for c := range s.conns {
		c.writable.Broadcast()
	}
}

// handler is the http2.CallHandler of a session, whose mutex is held.
type handler struct{ *session }

// Response takes some bytes of a response.
func (h handler) Response(call *http2.Call, b []byte, payload int) {
	c := call.Owner.(*Conn)
	if c.closed {
		h.caller.Taken(call, payload)
		return
	}
	c.in = append(c.in, b...)
	c.unpaid += payload
	c.readable.Broadcast()
}

// Over takes the end of a response.
func (h handler) Over(call *http2.Call, err error) { call.Owner.(*Conn).endLocked(err) }

// Writable wakes the Conns that can write more.
func (h handler) Writable(call *http2.Call) {
	if call != nil {
		call.Owner.(*Conn).writable.Broadcast()
		return
	}
	h.writableLocked()
}
