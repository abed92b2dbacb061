package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/dynlb/dynlb/proxy/fastpath"
)

// Engine says what carries plain HTTP/1.1.
type Engine string

// The engines.
const (
	// EngineAuto is EngineFast where there is one, else EngineStd.
	EngineAuto Engine = "auto"
	// EngineFast carries requests in event loops; there is one for Linux.
	EngineFast Engine = "fast"
	// EngineStd is net/http. It carries what the other does not, in any case.
	EngineStd Engine = "std"
)

// UnmarshalText makes an Engine of its name. With MarshalText it makes it a
// flag's value.
func (e *Engine) UnmarshalText(text []byte) error {
	switch engine := Engine(text); engine {
	case EngineAuto, EngineFast, EngineStd:
		*e = engine
		return nil
	default:
		return fmt.Errorf("unknown engine %q; there are %s, %s and %s", text, EngineAuto, EngineFast, EngineStd)
	}
}

// MarshalText returns the engine's name.
func (e Engine) MarshalText() ([]byte, error) { return []byte(e), nil }

// lanes are the fast engine and what leads from it to net/http.
type lanes struct {
	fast    *fastpath.Engine // nil when it is not used
	handed  *handovers
	handing sync.Once // starts the serving of handed
}

// newLanes makes the fast engine, if it is to be used.
func (p *Proxy) newLanes() {
	p.handed = newHandovers()
	o := &p.options
	if o.Engine == EngineStd {
		return
	}
	options := fastpath.Options{
		Registry: o.Registry,
		Settings: o.Settings,
		Handover: p.handed.put,
		Conduct:  &p.conduct,
		Record:   o.Record,
		Log:      o.Log,
	}
	if o.Status != nil {
		options.StatusPath = statusPath
	}
	fast, err := fastpath.New(options)
	switch {
	case err == nil:
		p.fast = fast
	case o.Engine == EngineFast:
		o.Log.Warn("fast engine unavailable, using std", "cause", err)
	}
}

// serveFast serves l with the fast engine. It returns errors.ErrUnsupported when
// that cannot be, and leaves l alone.
func (p *Proxy) serveFast(l net.Listener) error {
	if p.fast == nil {
		return errors.ErrUnsupported
	}
	p.handing.Do(func() {
		go func() { _ = p.serveStd(p.guard.guarded(p.handed)) }() // until Shutdown; it fails in no other way
	})
	return p.fast.Serve(l)
}

// shutdownFast shuts the fast engine down, and returns how many requests it cut
// off.
func (p *Proxy) shutdownFast(ctx context.Context) int {
	if p.fast == nil {
		return 0
	}
	if cut, ok := errors.AsType[*fastpath.CutError](p.fast.Shutdown(ctx)); ok {
		return cut.Open
	}
	return 0
}

// droppers are who keeps connections to instances.
func (p *Proxy) droppers() []dropper {
	droppers := []dropper{&p.conduct, p.pool} // first: the lanes ask it when they make connections
	if p.fast != nil {
		droppers = append(droppers, p.fast)
	}
	return droppers
}

// handovers is a listener for the connections that the fast engine hands over.
type handovers struct {
	some chan struct{} // capacity 1; gets a value when there is something to do

	mu     sync.Mutex // guards all below
	conns  []net.Conn
	closed bool
}

func newHandovers() *handovers { return &handovers{some: make(chan struct{}, 1)} }

// put takes a connection over.
func (h *handovers) put(conn net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = conn.Close()
		return
	}
	h.conns = append(h.conns, conn)
	h.notify()
}

func (h *handovers) notify() {
	select {
	case h.some <- struct{}{}:
	default:
	}
}

// Accept waits for the next connection.
func (h *handovers) Accept() (net.Conn, error) {
	for {
		conn, err := h.take()
		if conn != nil || err != nil {
			return conn, err
		}
		<-h.some
	}
}

func (h *handovers) take() (net.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.conns) == 0 {
		if h.closed {
			h.notify()
			return nil, net.ErrClosed
		}
		return nil, nil
	}
	conn := h.conns[0]
	h.conns = h.conns[1:]
	return conn, nil
}

// Close ends Accept, and closes what it did not return.
func (h *handovers) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, conn := range h.conns {
		_ = conn.Close()
	}
	h.conns, h.closed = nil, true
	h.notify()
	return nil
}

// Addr says where the connections come from.
func (h *handovers) Addr() net.Addr { return &net.UnixAddr{Name: "handed over", Net: "unix"} }
