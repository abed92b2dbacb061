package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
)

// newServer returns the public server. It has no limit on the time of a
// request or response: both may be streams. What it limits cannot be changed
// while it runs, so it is the guard that holds requests to the settings; what is
// left are bounds on what HTTP/2 may hold before a request is complete.
func newServer(base context.Context, handler http.Handler, guard *guard, options *Options) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // with prior knowledge
	//nolint:gosec // G112: the guard bounds the time for a header
	return &http.Server{
		Handler:                      handler,
		Protocols:                    protocols,
		IdleTimeout:                  options.IdleTimeout, // of HTTP/2: the guard sees to HTTP/1
		MaxHeaderBytes:               max(http.DefaultMaxHeaderBytes, options.Limits.Head),
		DisableGeneralOptionsHandler: true, // OPTIONS * is the app's
		BaseContext:                  func(net.Listener) context.Context { return base },
		ConnContext:                  guard.connContext,
		ConnState:                    guard.connState,
		ErrorLog:                     log.New(serverLog{options.Log}, "", 0),
	}
}

// Serve accepts connections on l, HTTP/1 and HTTP/2 with prior knowledge, until
// Shutdown or Leave; then it returns nil. It closes l. It may be called for several
// listeners.
func (p *Proxy) Serve(l net.Listener) error {
	err := p.serveFast(l)
	if errors.Is(err, errors.ErrUnsupported) {
		err = p.serveStd(p.guard.guarded(l))
	}
	if err != nil {
		return fmt.Errorf("serve %v: %w", l.Addr(), err)
	}
	return nil
}

// Leave stops accepting on l, which was given to Serve, and closes it. The
// connections that were accepted on it stay.
func (p *Proxy) Leave(l net.Listener) {
	if p.fast == nil || !p.fast.Leave(l) {
		_ = l.Close() // it is closed already
	}
}

// serveStd serves l with net/http.
func (p *Proxy) serveStd(l net.Listener) error {
	err := p.server.Serve(l)
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Shutdown stops accepting at once, tells the clients on open connections to
// go elsewhere, and waits for the requests in flight and the tunnels. When ctx
// ends it closes those that are left, waits for their handlers, and returns an
// error that says how many they were. Afterwards the Proxy is of no use.
func (p *Proxy) Shutdown(ctx context.Context) error {
	fast := make(chan int, 1)
	go func() { fast <- p.shutdownFast(ctx) }()
	open, err := p.shutdownStd(ctx)
	if open += <-fast; open > 0 {
		return fmt.Errorf("drain requests: %d cut off: %w", open, context.Cause(ctx))
	}
	return err
}

// shutdownStd shuts net/http down, and returns how many requests it cut off.
func (p *Proxy) shutdownStd(ctx context.Context) (cut int, err error) {
	defer p.pool.close()
	defer func() { <-p.followed }()
	defer p.cut()
	err = p.server.Shutdown(ctx) // does not know of tunnels
	if ctx.Err() == nil {
		err = errors.Join(err, p.flight.wait(ctx))
	}
	if ctx.Err() == nil {
		return 0, err
	}
	open := p.flight.count()
	p.guard.hurry.Store(true)
	p.cut()
	_ = p.server.Close()                    // listeners are closed already
	_ = p.flight.wait(context.Background()) // nothing they wait for is left
	return int(open), nil
}

// serverLog passes what net/http logs on: what an operator has to know as a
// warning, the misbehaviour of clients for debugging.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Write(line []byte) (int, error) {
	level := slog.LevelDebug
	for _, prefix := range []string{"http: Accept error", "http: panic serving", "http2: panic serving"} {
		if bytes.HasPrefix(line, []byte(prefix)) {
			level = slog.LevelWarn
		}
	}
	l.log.Log(context.Background(), level, string(bytes.TrimSpace(line)))
	return len(line), nil
}
