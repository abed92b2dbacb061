package proxy

import (
	"sync"
	"time"

	"github.com/dynlb/dynlb/proxy/internal/settings"
)

const (
	// patienceStep is how often patience sees whether time goes by as it should.
	patienceStep = time.Second
	// lastLook is how long it may take to read what has arrived when time is up.
	lastLook = 20 * time.Millisecond
)

// patience closes the connection to an instance that does not respond in time. That
// is not http.Transport's to do: its timer does not tell an instance that is late from
// a process that was stopped for a while, in which all of them seem to be late. A nil
// one waits for ever.
type patience struct {
	with   *upstream
	upload *upload
	began  time.Time // when the request began to be sent
	limit  time.Duration

	mu    sync.Mutex // guards all below
	timer *time.Timer
	step  time.Duration // what timer was set to
	due   time.Time     // when timer is
	left  time.Duration
	last  bool // the time is up
	over  bool // stop was called, or the instance was given up
}

// newPatience begins to wait for the response to a request. The limit counts from when
// the client has sent the whole of it; zero is none. Call stop when it is there.
func newPatience(u *upstream, request *upload, began time.Time, limit time.Duration) *patience {
	if limit <= 0 {
		return nil
	}
	p := &patience{with: u, upload: request, began: began, limit: limit, left: limit}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step = min(limit, patienceStep)
	p.due = began.Add(p.step)
	p.timer = time.AfterFunc(p.step, p.look)
	return p
}

// look is called after each step.
func (p *patience) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	switch {
	case !p.upload.complete():
		p.left = p.limit
	case time.Since(p.due) < settings.HeldUp: // else it does not count
		p.left -= min(p.step, p.upload.since(p.began))
	}
	switch {
	case p.left > 0:
		p.step = min(p.left, patienceStep)
	case !p.last:
		p.last, p.step = true, lastLook
	default:
		p.over = true
		p.with.close()
		return
	}
	p.due = time.Now().Add(p.step)
	p.timer.Reset(p.step)
}

// stop ends the wait. It reports whether the instance was given up.
func (p *patience) stop() (late bool) {
	if p == nil {
		return false
	}
	p.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	late, p.over = p.over, true
	return late
}
