package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/dynlb/dynlb/proxy/fast"
)

// Serve accepts connections on l, HTTP/1 and HTTP/2 with prior knowledge, until
// Shutdown or Leave; then it returns nil. It closes l. It may be called for several
// listeners.
func (p *Proxy) Serve(l net.Listener) error {
	err := errors.ErrUnsupported
	if p.fast != nil {
		err = p.fast.Serve(l)
	}
	if errors.Is(err, errors.ErrUnsupported) { // then it has left l alone
		err = p.std.Serve(l)
	}
	if err != nil {
		return fmt.Errorf("serve %v: %w", l.Addr(), err)
	}
	return nil
}

// Leave stops accepting on l, which was given to Serve, and closes it. The
// connections that were accepted on it stay.
func (p *Proxy) Leave(l net.Listener) {
	if p.std.Leave(l) || p.fast != nil && p.fast.Leave(l) {
		return
	}
	_ = l.Close() // it is closed already
}

// Shutdown stops accepting at once, tells the clients on open connections to
// go elsewhere, and waits for the requests in flight and the tunnels. When ctx
// ends it closes those that are left, waits until they have ended, and returns an
// error that says how many they were. Afterwards the Proxy is of no use.
func (p *Proxy) Shutdown(ctx context.Context) error {
	fast := make(chan int, 1)
	go func() { fast <- p.shutdownFast(ctx) }()
	open := p.std.Shutdown(ctx)
	open += <-fast
	open += p.std.Shutdown(ctx) // again: of what the other lane has handed over meanwhile
	p.unfollow()
	p.followed.Wait()
	if open > 0 {
		return fmt.Errorf("drain requests: %d cut off: %w", open, context.Cause(ctx))
	}
	return nil
}

// shutdownFast shuts the fast engine down, and returns how many requests it cut
// off.
func (p *Proxy) shutdownFast(ctx context.Context) int {
	if p.fast == nil {
		return 0
	}
	if cut, ok := errors.AsType[*fast.CutError](p.fast.Shutdown(ctx)); ok {
		return cut.Open
	}
	return 0
}
