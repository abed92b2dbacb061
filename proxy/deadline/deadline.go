// Package deadline is for connections without a socket: a time by which a wait on a condition
// must end.
package deadline

import (
	"sync"
	"time"
)

// Deadline is a time by which waits must end. The zero Deadline is none. The mutex of the
// condition guards it.
type Deadline struct {
	at    time.Time // zero: there is none
	timer *time.Timer
}

// Set sets the time, at which those that wait are woken.
func (d *Deadline) Set(t time.Time, mu *sync.Mutex, wake *sync.Cond) {
	d.at = t
	d.Stop()
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	switch {
	case wait <= 0:
		wake.Broadcast()
	case d.timer == nil:
		d.timer = time.AfterFunc(wait, func() {
			mu.Lock()
			defer mu.Unlock()
			wake.Broadcast()
		})
	default:
		d.timer.Reset(wait)
	}
}

// Stop stops the timer.
func (d *Deadline) Stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

// Passed reports whether the time has come.
func (d *Deadline) Passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }
