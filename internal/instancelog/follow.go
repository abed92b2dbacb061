package instancelog

import "context"

// maxWaiting is how many lines wait for a reader at most, and maxWaitingBytes how many
// bytes they take.
const (
	maxWaiting      = 2000
	maxWaitingBytes = 2 << 20
)

// Follower gets lines as instances print them. A slow reader misses the oldest ones.
type Follower struct {
	store *Store
	query Query
	ready chan struct{} // capacity 1: there are lines
	ended chan struct{} // closed when there are no further ones

	// Guarded by the mutex of the store:

	waiting tail
	dropped uint64
	over    bool
}

// addLocked adds a line, if it is asked for.
func (f *Follower) addLocked(l Line) {
	if !f.query.matches(&l) {
		return
	}
	f.dropped += f.waiting.add(l, maxWaiting, maxWaitingBytes)
	select {
	case f.ready <- struct{}{}:
	default:
	}
}

func (f *Follower) endLocked() {
	if !f.over {
		f.over = true
		close(f.ended)
	}
}

// Next waits for lines, and returns them and how many before them are missing. ok is false
// when there are no further ones, or ctx has ended.
func (f *Follower) Next(ctx context.Context) (lines []Line, dropped uint64, ok bool) {
	for {
		select {
		case <-f.ready:
		case <-f.ended:
			return nil, 0, false
		case <-ctx.Done():
			return nil, 0, false
		}
		f.store.mu.Lock()
		lines, dropped = f.waiting.lines, f.dropped
		f.waiting, f.dropped = tail{}, 0
		f.store.mu.Unlock()
		if len(lines) > 0 {
			return lines, dropped, true
		}
	}
}

// Close ends the Follower.
func (f *Follower) Close() {
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	delete(f.store.readers, f)
	f.endLocked()
}
