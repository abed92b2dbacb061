package server

import (
	"container/list"
	"net"
	"sync"
	"time"
)

// The limits of connections that have made no admitted call yet. Any client that
// reaches a listener may open them, and they must not keep operators out.
const (
	// maxStrangers is how many there may be on a listener, half of all. For a further
	// one the oldest of the address that has the largest number is closed.
	maxStrangers = maxConnections / 2
	// maxFromAddress is how many of them may come from one address. For a further one
	// the oldest of that address is closed.
	maxFromAddress = 32
	// strangerTime is how long they may stay. It is the time that net/http and gRPC
	// have for the first header and the handshake.
	strangerTime = 10 * time.Second
)

// strangers are the connections of a listener that have made no admitted call yet. The
// zero value has none.
type strangers struct {
	mu    sync.Mutex               // guards all below
	all   map[string]*list.Element // by the address and port of the client
	order map[string]*list.List    // of *boundedConn, by address, the oldest first
}

// add adds a connection, and closes another one if there are too many.
func (s *strangers) add(c *boundedConn) {
	s.mu.Lock()
	if s.all == nil {
		s.all, s.order = make(map[string]*list.Element), make(map[string]*list.List)
	}
	surplus := s.surplusLocked(c.host)
	if s.order[c.host] == nil {
		s.order[c.host] = list.New()
	}
	s.all[c.address] = s.order[c.host].PushBack(c)
	c.timer = time.AfterFunc(strangerTime, func() { _ = c.Close() })
	s.mu.Unlock()
	if surplus != nil {
		_ = surplus.Close() // the peer may have closed it
	}
}

// surplusLocked returns the connection that must go for a new one from host, or nil.
func (s *strangers) surplusLocked(host string) *boundedConn {
	from := s.order[host]
	switch {
	case from != nil && from.Len() >= maxFromAddress:
	case len(s.all) < maxStrangers:
		return nil
	default:
		for _, other := range s.order {
			if from == nil || other.Len() > from.Len() {
				from = other
			}
		}
	}
	return from.Front().Value.(*boundedConn)
}

// admit notes that a call from an address and port was admitted: its connection is no
// stranger's any more.
func (s *strangers) admit(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeLocked(address)
}

// remove removes a connection, if it is one of a stranger.
func (s *strangers) remove(c *boundedConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.all[c.address]; e != nil && e.Value == c {
		s.removeLocked(c.address)
	}
}

func (s *strangers) removeLocked(address string) {
	e := s.all[address]
	if e == nil {
		return
	}
	c := e.Value.(*boundedConn)
	c.timer.Stop()
	delete(s.all, address)
	from := s.order[c.host]
	from.Remove(e)
	if from.Len() == 0 {
		delete(s.order, c.host)
	}
}

// hostOf returns the address of a connection's peer without its port.
func hostOf(conn net.Conn) string {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		return conn.RemoteAddr().String()
	}
	return host
}
