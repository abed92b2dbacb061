package std

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/policy"
)

// Remote is a client's connection whose requests another package reads: one of HTTP/3. Its
// methods do not block, and may be called again.
type Remote interface {
	// Leave asks the client to open no more requests on the connection (RFC 9114, 5.2).
	// Those that are open go on.
	Leave()
	// Close closes the connection.
	Close()
}

// Session is a client's connection of HTTP/3, as its Lane has it. It asks the client to leave
// when it has been idle for Settings.IdleTimeout, when it is idle and another client needs
// its place, and when the Lane shuts down. It closes the connection policy.DrainGrace later,
// when it has no request any more. All methods are safe for concurrent use.
type Session struct {
	member
	lane   *Lane
	remote Remote
	ctx    context.Context //nolint:containedctx // of its requests, which another package makes
	cut    context.CancelFunc
	once   sync.Once // End

	mu      sync.Mutex // guards all below
	open    int        // requests
	used    bool       // there was one
	leaving bool       // the client was asked to leave
	ended   bool       // the connection is closed
	timer   *time.Timer
}

// NewSession returns the session of a connection. ctx ends with the connection. The caller
// must call End, which Shutdown waits for.
func (l *Lane) NewSession(ctx context.Context, remote Remote) *Session {
	s := &Session{lane: l, remote: remote}
	s.owner = s
	s.ctx, s.cut = context.WithCancel(ctx)
	l.running.add()
	l.clock.enter()
	s.mu.Lock()
	s.timer = time.AfterFunc(l.options.Settings.Load().IdleTimeout, s.timeUp) // stopped by End
	s.mu.Unlock()
	l.idleConns.add(&s.member, &l.idleConns.fresh)
	l.mu.Lock()
	l.sessions[s] = struct{}{}
	l.mu.Unlock()
	if l.closing.Load() {
		s.Leave()
	}
	return s
}

// End is called when the connection is closed, and all its requests are served.
func (s *Session) End() {
	s.once.Do(func() {
		s.mu.Lock()
		s.ended = true
		s.timer.Stop()
		s.lane.idleConns.remove(&s.member)
		s.mu.Unlock()
		s.cut()
		s.lane.mu.Lock()
		delete(s.lane.sessions, s)
		s.lane.mu.Unlock()
		s.lane.clock.leave()
		s.lane.running.end()
	})
}

// Context returns the context that the requests of the session must have: Shutdown ends it
// when the time for draining is over.
func (s *Session) Context() context.Context { return s.ctx }

// ServeHTTP carries a request. It panics with http.ErrAbortHandler if the stream must be
// broken off.
func (s *Session) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.begin()
	defer s.end()
	x := &stream{
		lane: s.lane, rules: s.lane.rules(), conn: &s.member, session: s, request: r,
		writer: sessionWriter{w}, control: http.NewResponseController(w),
		peer: forward.Peer{IP: hostOf(r.RemoteAddr), Scheme: "https"},
	}
	if r.Method == http.MethodConnect && r.ProtoMajor == 3 && r.Proto != "HTTP/3.0" {
		r.Header[protocolName] = []string{r.Proto}
	}
	x.carry()
}

// begin counts a request.
func (s *Session) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	s.open++
	if s.open == 1 {
		s.timer.Stop()
		s.lane.idleConns.remove(&s.member)
	}
}

// end counts one request less.
func (s *Session) end() {
	s.mu.Lock()
	s.open--
	idle := s.open == 0 && !s.ended
	switch {
	case !idle:
	case s.leaving:
		s.timer.Reset(policy.DrainGrace)
	default:
		s.timer.Reset(s.lane.options.Settings.Load().IdleTimeout)
		s.lane.idleConns.add(&s.member, &s.lane.idleConns.used)
	}
	s.mu.Unlock()
	if idle && s.lane.full() {
		s.lane.CloseIdle()
	}
}

// yield implements yielder.
func (s *Session) yield() { s.Leave() }

// Leave asks the client to leave. The connection is closed when it has been idle for
// policy.DrainGrace: the end of the last response may not have arrived before.
func (s *Session) Leave() {
	s.mu.Lock()
	if s.leaving || s.ended {
		s.mu.Unlock()
		return
	}
	s.leaving = true
	if s.open == 0 {
		s.timer.Reset(policy.DrainGrace)
		s.lane.idleConns.remove(&s.member)
	}
	s.mu.Unlock()
	s.remote.Leave()
}

// timeUp is called when the timer fires: the session has been idle for long.
func (s *Session) timeUp() {
	s.mu.Lock()
	idle, leaving := s.open == 0 && !s.ended, s.leaving
	s.mu.Unlock()
	switch {
	case !idle: // a request has begun at this moment
	case leaving:
		s.remote.Close()
	default:
		s.Leave()
	}
}

// eachSession calls do for each session.
func (l *Lane) eachSession(do func(*Session)) {
	l.mu.Lock()
	all := make([]*Session, 0, len(l.sessions))
	for s := range l.sessions {
		all = append(all, s)
	}
	l.mu.Unlock()
	for _, s := range all {
		do(s)
	}
}

// Admit counts a connection of HTTP/3, if there is room. release must be called when it is
// closed. No room is made: the client comes by TCP, for which room is made.
func (l *Lane) Admit() (release func(), ok bool) { return l.gate.leave, l.gate.tryEnter() }
