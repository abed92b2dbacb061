package std

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/proxy/policy"
)

// member is a client's connection among those of its lane: of HTTP/1.1 and HTTP/2, which
// is a conn, or of HTTP/3, which is a Session.
type member struct {
	owner   yielder
	idle    idleMark     // the lane's list guards it
	flights atomic.Int32 // its requests of HTTP/2 or HTTP/3
}

// yielder is a connection that can make room for another one.
type yielder interface {
	// yield closes the connection soon, or asks the client to. It does not block.
	yield()
}

// idleMark is the place of a connection among the idle ones.
type idleMark struct {
	list         *idleList // nil: it is not idle
	since        time.Time // when it became idle
	older, newer *member
}

// idleConns are the connections that wait for a request of which no byte has been read.
type idleConns struct {
	mu    sync.Mutex // guards all below, and member.idle of all connections
	used  idleList   // those that have had a request
	fresh idleList   // those that have had none, and those of HTTP/2 and HTTP/3; closed after FreshFor
}

// idleList is a list in the order in which the connections became idle.
type idleList struct{ oldest, newest *member }

// add adds a connection as the newest one of a list.
func (all *idleConns) add(c *member, list *idleList) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.removeLocked(c)
	c.idle = idleMark{list: list, since: time.Now(), older: list.newest}
	if list.newest != nil {
		list.newest.idle.newer = c
	} else {
		list.oldest = c
	}
	list.newest = c
}

// remove removes a connection, if it is idle.
func (all *idleConns) remove(c *member) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.removeLocked(c)
}

func (all *idleConns) removeLocked(c *member) {
	mark := c.idle
	if mark.list == nil {
		return
	}
	if mark.older != nil {
		mark.older.idle.newer = mark.newer
	} else {
		mark.list.oldest = mark.newer
	}
	if mark.newer != nil {
		mark.newer.idle.older = mark.older
	} else {
		mark.list.newest = mark.older
	}
	c.idle = idleMark{}
}

// oldestLocked returns the connection that has been idle the longest of those that may
// be closed; nil: there is none.
func (all *idleConns) oldestLocked() *member {
	used, fresh := all.used.oldest, all.fresh.oldest
	if fresh != nil && time.Since(fresh.idle.since) < policy.FreshFor {
		fresh = nil
	}
	if used == nil || fresh != nil && fresh.idle.since.Before(used.idle.since) {
		return fresh
	}
	return used
}

// take removes the connection that has been idle the longest, and returns it; nil: there
// is none.
func (all *idleConns) take() *member {
	all.mu.Lock()
	defer all.mu.Unlock()
	c := all.oldestLocked()
	if c != nil {
		all.removeLocked(c)
	}
	return c
}

// longest returns how long a connection that may be closed has been idle at most, or a
// negative time when there is none.
func (all *idleConns) longest() time.Duration {
	all.mu.Lock()
	defer all.mu.Unlock()
	c := all.oldestLocked()
	if c == nil {
		return -1
	}
	return time.Since(c.idle.since)
}

// LongestIdle returns how long a client's connection has been idle at most, or a
// negative time when none is idle.
func (l *Lane) LongestIdle() time.Duration { return l.idleConns.longest() }

// CloseIdle closes the connection that has been idle the longest, soon after the call. It
// reports whether there was one. If a request arrives on it at that moment, the connection
// is closed after the response.
func (l *Lane) CloseIdle() bool {
	c := l.idleConns.take()
	if c == nil {
		return false
	}
	c.owner.yield()
	return true
}

// yield implements yielder.
func (c *conn) yield() {
	if s := c.streams.Load(); s != nil {
		s.leave()
		return
	}
	c.unwanted.Store(true)
	_ = c.conn.SetReadDeadline(longAgo) // the read reports the error
}

// full reports whether a client waits for a connection to be closed.
func (l *Lane) full() bool { return l.gate.full.Load() || l.options.Full() }

// rests is called when a connection has become idle. If a client waits, the connection
// that has been idle the longest is closed.
func (l *Lane) rests(c *member, used bool) {
	if !used {
		l.idleConns.add(c, &l.idleConns.fresh)
		return
	}
	l.idleConns.add(c, &l.idleConns.used)
	if l.full() {
		l.CloseIdle()
	}
}
