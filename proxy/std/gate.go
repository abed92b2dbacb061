package std

import (
	"sync"
	"sync/atomic"
	"time"
)

// roomInterval is how often a client that waits asks for room: a connection that is
// needed now may not be soon.
const roomInterval = 100 * time.Millisecond

// gate limits the number of open connections of clients.
type gate struct {
	max      func() int // the limit; 0: none. It is called with mu held
	makeRoom func()     // closes a connection that is not needed, or has it closed
	full     atomic.Bool

	mu      sync.Mutex    // guards all below
	open    int           // connections
	waiting int           // goroutines
	moved   chan struct{} // closed when there may be room; nil when no goroutine waits
}

// recheck makes waiting goroutines check again whether there is room.
func (g *gate) recheck() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.moveLocked()
}

// enter counts a connection that was accepted, once there is room for it. It returns
// false when closed is closed. Each listener waits with one connection, which is open
// already and is not counted.
func (g *gate) enter(closed <-chan struct{}) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.roomLocked() {
		g.open++
		return true
	}
	g.waiting++
	g.full.Store(true)
	defer func() {
		g.waiting--
		g.full.Store(g.waiting > 0)
	}()
	for {
		if g.moved == nil {
			g.moved = make(chan struct{})
		}
		moved := g.moved
		g.mu.Unlock()
		g.makeRoom()
		select {
		case <-moved:
		case <-time.After(roomInterval): // then a connection may be idle for long enough
		case <-closed:
			g.mu.Lock()
			return false
		}
		g.mu.Lock()
		if g.roomLocked() {
			g.open++
			return true
		}
	}
}

// tryEnter counts a connection if there is room for it.
func (g *gate) tryEnter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.roomLocked() {
		return false
	}
	g.open++
	return true
}

func (g *gate) roomLocked() bool {
	limit := g.max()
	return limit <= 0 || g.open < limit
}

// leave counts one connection less.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	g.moveLocked()
}

func (g *gate) moveLocked() {
	if g.moved != nil {
		close(g.moved)
		g.moved = nil
	}
}
