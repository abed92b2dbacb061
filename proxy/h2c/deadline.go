package h2c

import (
	"sync"
	"time"
)

// deadline is a time by which a wait must end. The mutex of the session guards it.
type deadline struct {
	at    time.Time // zero: there is none
	timer *time.Timer
}

// set sets the time, at which those that wait are woken.
func (d *deadline) set(t time.Time, mu *sync.Mutex, wake *sync.Cond) {
	d.at = t
	d.stop()
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

// stop stops the timer.
func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

// passed reports whether the time has come.
func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }
