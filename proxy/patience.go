package proxy

import (
	"sync"
	"time"

	"github.com/dynlb/dynlb/proxy/internal/settings"
)

// patience closes the connection to an instance that does not respond in time. That
// is not http.Transport's to do: its timer does not tell an instance that is late from
// a process that was stopped for a while, and in which all of them seem to be late.
type patience struct {
	with   *upstream
	upload *upload
	since  time.Time // when the request began to be sent
	limit  time.Duration

	mu    sync.Mutex // guards all below
	timer *time.Timer
	due   time.Time // when timer is
	over  bool      // stop was called, or the time is up
}

// newPatience begins to wait for the response to a request. It counts from when the
// client has sent the whole of it. Call stop when it is there.
func newPatience(u *upstream, request *upload, since time.Time, limit time.Duration) *patience {
	p := &patience{with: u, upload: request, since: since, limit: limit, due: since.Add(limit)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(limit, p.look)
	return p
}

// look is called when the time seems to be up.
func (p *patience) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	left := p.limit
	if p.upload.complete() && time.Since(p.due) < settings.HeldUp {
		left -= p.upload.since(p.since)
	}
	if left > 0 {
		p.due = time.Now().Add(left)
		p.timer.Reset(left)
		return
	}
	p.over = true
	p.with.close()
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
