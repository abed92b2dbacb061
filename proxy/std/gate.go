package std

import "sync"

// gate bounds how many connections of clients are open.
type gate struct {
	max func() int // the bound; 0: there is none. It is called with mu held

	mu    sync.Mutex    // guards all below
	open  int           // connections that are
	moved chan struct{} // closed when there may be room; nil when nobody waits for that
}

// move has what waits look again whether there is room.
func (g *gate) move() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.moveLocked()
}

// wait returns true when there is room, false when closed is. It keeps no place:
// of several listeners that wait for clients each may let one in.
func (g *gate) wait(closed <-chan struct{}) bool {
	for {
		g.mu.Lock()
		if limit := g.max(); limit <= 0 || g.open < limit {
			g.mu.Unlock()
			return true
		}
		if g.moved == nil {
			g.moved = make(chan struct{})
		}
		moved := g.moved
		g.mu.Unlock()
		select {
		case <-moved:
		case <-closed:
			return false
		}
	}
}

// enter counts a connection.
func (g *gate) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open++
}

// leave counts one less.
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
