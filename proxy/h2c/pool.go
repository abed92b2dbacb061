package h2c

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/http2"
)

// Options are what a Pool needs. All fields are required.
type Options struct {
	// Dial connects to an endpoint.
	Dial func(ctx context.Context, to registry.Endpoint) (net.Conn, error)
	// Settle bounds the time until an instance has sent its settings.
	Settle time.Duration
	// Idle is how long a session without requests is kept.
	Idle time.Duration
}

// Pool has the sessions with all instances. Create one with NewPool. All methods are safe
// for concurrent use.
type Pool struct {
	options Options

	mu     sync.Mutex // guards all below, and the fields of hosts
	hosts  map[registry.Endpoint]*host
	closed bool
}

// host has the sessions with one endpoint until Drop.
type host struct {
	sessions []*session
	dialing  *dialing // nil: there is none
	dropped  bool
}

// dialing is a session that is being made. All requests that need one wait for it.
type dialing struct {
	done chan struct{} // closed at the end
	err  error         // why there is none
}

// NewPool returns a Pool. The caller must call Close.
func NewPool(options Options) *Pool {
	return &Pool{options: options, hosts: make(map[registry.Endpoint]*host)}
}

// Dial returns a Conn for one request to an endpoint. It makes a session if those that
// there are take no more requests. The error wraps ErrNoHTTP2 if the instance speaks another
// protocol.
func (p *Pool) Dial(ctx context.Context, to registry.Endpoint) (*Conn, error) {
	for existed := true; ; existed = false {
		p.mu.Lock()
		h := p.hostLocked(to)
		if c := h.openLocked(); c != nil {
			p.mu.Unlock()
			c.existed = existed
			return c, nil
		}
		d := h.dialing
		if d == nil {
			d = &dialing{done: make(chan struct{})}
			h.dialing = d
			go p.connect(h, to, d) // ends with the session, or after Options.Settle
		}
		p.mu.Unlock()
		select {
		case <-d.done:
			if d.err != nil {
				return nil, d.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *Pool) hostLocked(to registry.Endpoint) *host {
	h := p.hosts[to]
	if h == nil {
		h = &host{dropped: p.closed}
		p.hosts[to] = h
	}
	return h
}

// openLocked returns a Conn on a session that takes one more request, or nil.
func (h *host) openLocked() *Conn {
	for _, s := range h.sessions {
		if c := s.open(); c != nil {
			return c
		}
	}
	return nil
}

// connect makes a session, and ends when it does.
func (p *Pool) connect(h *host, to registry.Endpoint, d *dialing) {
	s, err := p.settle(h, to)
	p.mu.Lock()
	h.dialing, d.err = nil, err
	if err == nil {
		if _, ended := s.state(); ended == nil { // otherwise forget was called
			h.sessions = append(h.sessions, s)
		}
		if h.dropped {
			s.drop()
		}
	}
	p.mu.Unlock()
	close(d.done)
}

// settle connects, and waits for the settings of the instance.
func (p *Pool) settle(h *host, to registry.Endpoint) (*session, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.options.Settle)
	defer cancel()
	conn, err := p.options.Dial(ctx, to)
	if err != nil {
		return nil, err
	}
	s := newSession(conn, p, h)
	select {
	case <-s.settled:
	case <-ctx.Done():
		s.fail(errSilent)
	}
	switch free, err := s.state(); {
	case errors.Is(err, http2.ErrNoHTTP2), errors.Is(err, io.EOF), errors.Is(err, errSilent), errors.Is(err, syscall.ECONNRESET):
		return nil, fmt.Errorf("%w: %w", ErrNoHTTP2, err)
	case err != nil:
		return nil, err
	case free == 0:
		s.fail(errTakesNone)
		return nil, errTakesNone
	}
	return s, nil
}

var (
	errSilent    = errors.New("no settings have arrived in time")
	errTakesNone = errors.New("instance takes no requests on a new connection")
)

// forget is called when a session has ended.
func (p *Pool) forget(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.host.sessions = slices.DeleteFunc(s.host.sessions, func(other *session) bool { return other == s })
}

// Drop closes the idle sessions with an endpoint now, and the others when they become
// idle. It does not concern new ones.
func (p *Pool) Drop(to registry.Endpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropLocked(to)
}

func (p *Pool) dropLocked(to registry.Endpoint) {
	h := p.hosts[to]
	if h == nil {
		return
	}
	delete(p.hosts, to)
	h.dropped = true
	for _, s := range h.sessions {
		s.drop()
	}
}

// Close closes all idle sessions, and from now on each one that becomes idle.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for to := range p.hosts {
		p.dropLocked(to)
	}
}
