package local

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
)

// Ports are the ports that instances have. The fleets of a machine share one Ports, so
// that no two instances get the same port. The zero value has none.
type Ports struct {
	mu    sync.Mutex
	taken map[int]bool
}

// take returns the lowest port from first up that no instance has, and that bind says no
// program listens on. It belongs to the caller until release. Another program may take
// the port before the instance does: then the instance fails, and the next one gets
// another port. An error other than "address in use" would be the same for all ports, and
// ends the search.
func (p *Ports) take(first int, bind func(port int) error) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for port := first; port <= maxPort; port++ {
		if p.taken[port] {
			continue
		}
		switch err := bind(port); {
		case err == nil:
			if p.taken == nil {
				p.taken = map[int]bool{}
			}
			p.taken[port] = true
			return port, nil
		case errors.Is(err, syscall.EADDRINUSE):
		case errors.Is(err, syscall.EACCES):
			return 0, fmt.Errorf("dynlb may not listen on port %d: set basePort (%d) to one that it may, such as 20000: %w", port, first, err)
		default:
			return 0, fmt.Errorf("find a free port from basePort %d: %w", first, err)
		}
	}
	return 0, fmt.Errorf("no port is free from basePort %d to %d", first, maxPort)
}

// claim takes a port that an instance has already.
func (p *Ports) claim(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken == nil {
		p.taken = map[int]bool{}
	}
	p.taken[port] = true
}

// release gives a port back.
func (p *Ports) release(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taken, port)
}
