package std

import "sync"

// gate limits the number of open connections of clients.
type gate struct {
	max func() int // the limit; 0: none. It is called with mu held

	mu    sync.Mutex    // guards all below
	open  int           // connections
	moved chan struct{} // closed when there may be room; nil when no goroutine waits
}

// recheck makes waiting goroutines check again whether there is room.
func (g *gate) recheck() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.moveLocked()
}

// wait returns true when there is room, and false when closed is closed. It reserves no
// place: if several listeners wait for clients, each of them may accept one more.
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
