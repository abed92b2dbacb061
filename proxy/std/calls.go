package std

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/h2c"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
)

// callsIdle is how long a connection of HTTP/2 to an instance is kept without requests. An
// instance that wants to end it earlier says so, and no request is lost then.
const callsIdle = time.Minute

// newCalls returns the connections of HTTP/2 to instances.
func newCalls(p *pool) *h2c.Pool {
	return h2c.NewPool(h2c.Options{
		Dial:   func(ctx context.Context, to registry.Endpoint) (net.Conn, error) { return p.dial(ctx, to) },
		Settle: policy.DialTimeout,
		Idle:   callsIdle,
	})
}

// dialHost makes a connection to an instance in the protocol that it speaks.
func (p *pool) dialHost(ctx context.Context, to registry.Endpoint, h *host) (net.Conn, error) {
	protocol := h.app.Settings().Protocol
	if protocol == route.HTTP1 || protocol == route.EitherHTTP && h.plain.Load() {
		ctx, cancel := context.WithTimeout(ctx, h.app.ConnectTimeout())
		defer cancel()
		return p.dial(ctx, to)
	}
	conn, err := p.calls.Dial(ctx, to)
	switch {
	case err == nil:
		return conn, nil
	case protocol == route.EitherHTTP && errors.Is(err, h2c.ErrNoHTTP2):
		h.plain.Store(true)
		return p.dial(ctx, to)
	default:
		return nil, err
	}
}

// callWait is how long a call waits for a further piece of its content before it is sent to
// an instance. A client that sends a whole message does so at once.
const callWait = 2 * time.Millisecond

// fillCall takes the content that has arrived. If all of it is there, the call can be sent
// a second time.
func (x *exchange) fillCall() error {
	for !x.filled() {
		payload, done, err := x.client.readWithin(callWait)
		switch {
		case errors.Is(err, errNothing):
			return x.cause(nil)
		case err != nil:
			return x.cause(err)
		}
		x.keepContent(payload, done)
	}
	return nil
}

// callStreams is how long a call may take from the head of its response on before it is
// a stream; see registry.Lease.Stream. A call with one response message has less to do
// then: servers send the head together with the message.
const callStreams = time.Second

// expectStream has next find out whether a call becomes a stream.
func (d *download) expectStream() {
	if d.kind != policy.NoCall && !d.stream {
		_ = d.from.conn.SetReadDeadline(time.Now().Add(callStreams)) // the read reports the error
	}
}

// becomeStream notes that a call has become a stream.
func (d *download) becomeStream() {
	if d.kind != policy.NoCall && !d.stream {
		d.stream = true
		d.lease.Stream()
	}
}
