package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// dialTimeout leaves time for one more SYN, sent after 1 s, when an instance
	// is slow to accept.
	dialTimeout = 2 * time.Second
	// continueTimeout is how long an instance may take to ask for the body of a
	// request that expects a 100 (Continue). Then the body is sent unasked.
	continueTimeout = time.Second
	// maxResponseHeader is as much as clients may send.
	maxResponseHeader = 64 << 10
)

// upstream is a connection to an instance. Whoever has it out of the pool owns
// it.
type upstream struct {
	pool      *pool
	address   string
	client    *http.ClientConn
	socket    *socket
	idleSince time.Time // set by the pool
}

// newTransport returns what makes the connections.
func newTransport(responseTimeout time.Duration) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols:              protocols,
		DialContext:            dialSocket,
		DisableCompression:     true, // adds no Accept-Encoding
		ResponseHeaderTimeout:  responseTimeout,
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: maxResponseHeader,
	}
}

// dial makes a connection to address. Its error is a *connectError.
func (p *pool) dial(ctx context.Context, address string) (*upstream, error) {
	u := &upstream{pool: p, address: address}
	client, err := p.transport.NewClientConn(context.WithValue(ctx, dialing{}, u), "http", address)
	if err != nil {
		return nil, &connectError{err}
	}
	u.client = client
	return u, nil
}

// dialing is the context key of the upstream that a connection is made for.
type dialing struct{}

// dialSocket connects the upstream in ctx.
func dialSocket(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	s := &socket{TCPConn: conn.(*net.TCPConn)}
	ctx.Value(dialing{}).(*upstream).socket = s
	return s, nil
}

// release gives the connection up: to the pool when the response was read to
// its end and another request may follow; else net/http has closed it.
func (u *upstream) release() {
	if u.client.Available() > 0 {
		u.pool.put(u)
	}
}

// close closes the connection, and so breaks off what is under way on it.
func (u *upstream) close() { _ = u.client.Close() }

// socket notes whether anything was sent or received since the last reset. The
// goroutines of http.ClientConn use it.
type socket struct {
	*net.TCPConn
	sent, received atomic.Bool
}

func (s *socket) reset() {
	s.sent.Store(false)
	s.received.Store(false)
}

// Read notes that something was received.
func (s *socket) Read(b []byte) (int, error) {
	n, err := s.TCPConn.Read(b)
	if n > 0 {
		s.received.Store(true)
	}
	return n, err
}

// Write notes that something was sent.
func (s *socket) Write(b []byte) (int, error) {
	n, err := s.TCPConn.Write(b)
	if n > 0 {
		s.sent.Store(true)
	}
	return n, err
}

// ReadFrom copies through a buffer of ours, where net.TCPConn would allocate
// one for each body.
func (s *socket) ReadFrom(r io.Reader) (int64, error) {
	buffer := buffers{}.Get()
	defer buffers{}.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{s}, r, buffer)
}
