package fast

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// shakers are the goroutines that do handshakes. A few of them stay for the next one: the
// stack of a new goroutine must grow for a handshake, which is 5 % of what it costs.
type shakers struct {
	next    chan *shaking // to one that stays
	over    chan struct{} // closed by end
	once    sync.Once     // closes it
	staying atomic.Int64
	limit   int64 // how many stay
	running sync.WaitGroup
}

func newShakers() *shakers {
	return &shakers{next: make(chan *shaking), over: make(chan struct{}), limit: int64(4 * runtime.GOMAXPROCS(0))}
}

// do has a goroutine do a handshake. It does not block.
func (s *shakers) do(h *shaking) {
	select {
	case s.next <- h:
	default:
		s.running.Go(func() { s.run(h) }) // until end, if it stays, or the end of the handshake
	}
}

// run does a handshake and, as long as not too many goroutines stay, the next ones.
func (s *shakers) run(h *shaking) {
	for {
		h.run()
		if s.staying.Add(1) > s.limit {
			s.staying.Add(-1)
			return
		}
		select {
		case h = <-s.next:
			s.staying.Add(-1)
		case <-s.over:
			return
		}
	}
}

// end ends the goroutines, and waits for them. Their connections are closed.
func (s *shakers) end() {
	s.once.Do(func() { close(s.over) })
	s.running.Wait()
}
