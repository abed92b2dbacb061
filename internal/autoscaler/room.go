package autoscaler

import (
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/machine"
)

// Machine tells what is left for more instances; see machine.Machine.
type Machine interface{ Read() machine.Reading }

// Room is what a machine has left for the instances of all its apps. The scalers of the
// apps share it: none adds an instance into the memory or onto the processors that
// another one has just taken. Create one with NewRoom.
type Room struct {
	machine Machine

	mu     sync.Mutex // guards all below; held while a Scaler decides on a raise
	last   machine.Reading
	at     time.Time // of last
	shares map[*Scaler]share
}

// share is what an app has of the machine.
type share struct {
	target  int    // how many instances it is to have
	pending uint64 // bytes that those of them will still take which are starting, or are to be started
}

// NewRoom returns the Room of a machine.
func NewRoom(m Machine) *Room { return &Room{machine: m, shares: map[*Scaler]share{}} }

// read returns a reading and when it was made. It is not older than half a sample, so
// the machine is read a few times a second, however many apps there are.
func (r *Room) read(now time.Time) (machine.Reading, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at.IsZero() || now.Sub(r.at) >= sampleInterval/2 {
		r.last, r.at = r.machine.Read(), now
	}
	return r.last, r.at
}

// set stores the share of an app.
func (r *Room) set(s *Scaler, of share) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shares[s] = of
}

// leave gives the share of an app back.
func (r *Room) leave(s *Scaler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.shares, s)
}

// othersLocked returns what all apps but one have together.
func (r *Room) othersLocked(but *Scaler) share {
	var all share
	for s, of := range r.shares {
		if s != but {
			all.target += of.target
			all.pending += of.pending
		}
	}
	return all
}
