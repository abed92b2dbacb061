package proxy

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/internal/fault"
	"github.com/dynlb/dynlb/proxy/internal/settings"
	"github.com/dynlb/dynlb/proxy/policy"
)

// upstream is a connection to an instance. Whoever has it out of the pool owns
// it.
type upstream struct {
	pool      *pool
	host      *host
	client    *http.ClientConn
	socket    *socket
	idleSince time.Time // set by the pool
	reused    bool      // it was idle before
}

// dialer makes connections.
type dialer struct {
	timeout   time.Duration // for taking some content before the response
	limits    http1.Limits
	transport *http.Transport
	responses sync.Pool // of *http1.Response
}

func newDialer(s *Settings) *dialer {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	limits := s.Limits
	return &dialer{
		timeout: s.RequestTimeout,
		limits:  limits,
		transport: &http.Transport{
			Protocols:              protocols,
			DialContext:            dialSocket,
			DisableCompression:     true, // adds no Accept-Encoding
			ExpectContinueTimeout:  settings.ContinueTimeout,
			MaxResponseHeaderBytes: policy.MaxInterim * int64(limits.Head), // informational ones before it count too
		},
		responses: sync.Pool{New: func() any { return http1.NewResponse(limits) }},
	}
}

// dial makes a connection to a TCP endpoint. Its error is a *fault.ConnectError.
func (p *pool) dial(ctx context.Context, endpoint registry.Endpoint) (*upstream, error) {
	d, host := p.to(endpoint)
	u := &upstream{pool: p, host: host, socket: &socket{responses: &d.responses, limit: d.timeout, open: &p.open, phase: atEnd}}
	client, err := d.transport.NewClientConn(context.WithValue(ctx, dialing{}, u), "http", endpoint.Address)
	if err != nil {
		p.open.Add(-1)
		return nil, &fault.ConnectError{Cause: err}
	}
	u.client = client
	return u, nil
}

// dialing is the context key of the upstream that a connection is made for.
type dialing struct{}

// dialSocket connects the upstream in ctx.
func dialSocket(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: settings.DialTimeout}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	s := ctx.Value(dialing{}).(*upstream).socket
	return s, s.connect(conn.(*net.TCPConn))
}

// release gives the connection up when the response was read to its end: to the
// pool when another request may follow.
func (u *upstream) release() {
	if u.client.Available() > 0 && u.socket.reusable() {
		u.pool.put(u)
		return
	}
	u.close()
}

// close closes the connection, and so breaks off what is under way on it.
func (u *upstream) close() { _ = u.client.Close() }
