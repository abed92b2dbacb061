package fast

import (
	"time"

	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/handshake"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// clientState is the state of a client's connection; see the package comment.
type clientState uint8

const (
	clientClosed clientState = iota
	securing
	awaiting
	exchanging
	lingering
	clientTunnelled
	multiplexed
	onLoan
)

// client is a connection from a client. An idle one costs little more than this
// struct.
type client struct {
	eventloop.Conn
	worker  *worker
	request *request        // while exchanging
	tunnel  *tunnel         // while tunnelled
	session *session        // while multiplexed
	stream  *stream         // it is one of HTTP/2, and the client of its request; nil: it has a socket
	shaking *shaking        // the handshake, while securing and once it has begun
	wire    *handshake.Wire // of the TLS; nil: there is none
	head    *http1.Request  // while a part of a request's head has arrived
	began   int64           // when that was; 0: none has
	ip      string          // its address, "" when it has none
	network policy.Network  // of ip; 0: it has none
	port    uint16
	state   clientState
	used    bool // a request was read
	named   bool // ip and port are those in a header of the PROXY protocol
	unnamed bool // such a header must come first
	idle    idleMark
}

// Accept takes on a client's connection.
func (w *worker) Accept(from eventloop.Arrival) {
	c := &client{worker: w, port: from.Peer.Port()}
	if from.Peer.IsValid() {
		c.locate(from.Peer.Addr().String())
	}
	if !w.loop.AddAccepted(&c.Conn, from.Socket, c) {
		return
	}
	s := w.engine.settings.Load()
	c.unnamed = s.Announces(c.ip)
	if w.engine.secures(s) && !c.unnamed {
		c.enter(securing)
		c.awaitWithin(w.engine.handshakeLimit())
	} else {
		c.enter(awaiting)
		c.awaitWithin(s.HeadTimeout)
	}
	w.rest(c)
}

// locate notes the address of the client.
func (c *client) locate(ip string) { c.ip, c.network = ip, policy.NetworkOf(ip) }

// enter changes the state.
func (c *client) enter(s clientState) {
	c.worker.count(c.state, -1)
	c.worker.count(s, 1)
	c.state = s
}

// awaitWithin bounds the wait for the next request, or for the rest of its head.
func (c *client) awaitWithin(limit time.Duration) {
	if e := c.worker.engine; e.group.Closing() {
		limit = min(limit, e.settings.Load().DrainGrace)
	}
	c.Within(limit)
}

// Ready goes on with the work of the connection.
func (c *client) Ready() {
	defer c.worker.rescue(c, c.request, c.tunnel)
	switch c.state {
	case clientClosed:
	case securing:
		c.shake()
	case awaiting:
		c.await()
	case exchanging:
		c.request.clientReady()
	case lingering:
		c.linger()
	case clientTunnelled:
		c.tunnel.relay()
	case multiplexed:
		c.session.ready()
	case onLoan:
		c.stream.loan.ready()
	}
}

// Expired ends the work that has taken too long.
func (c *client) Expired() {
	defer c.worker.rescue(c, c.request, c.tunnel)
	switch c.state {
	case clientClosed:
	case securing:
		c.handshakeExpired()
	case awaiting:
		c.headExpired()
	case exchanging:
		c.request.clientExpired()
	case lingering:
		c.close()
	case clientTunnelled:
		c.tunnel.expired(&c.Conn)
	case multiplexed:
		c.session.expired()
	case onLoan: // it has no deadline
	}
}

// await reads the next request.
func (c *client) await() {
	if c.Broken() {
		c.close()
		return
	}
	if c.Waits() { // an answer of TLS, such as to a KeyUpdate
		if _, err := c.Flush(); err != nil {
			c.close()
			return
		}
	}
	if c.head == nil && c.Holds() { // it came before the last response ended
		c.readHead(c.Held())
	}
	for c.state == awaiting && !c.IsLater() { // else a request was answered at once
		b, err := c.Receive()
		switch {
		case err == nil:
			c.readHead(b)
		case err == eventloop.ErrAgain: //nolint:errorlint // it is the very value
			if c.began == 0 && c.idle.list == nil { // TLS had bytes, and no request
				c.worker.rest(c)
			}
			return
		default:
			c.close()
		}
	}
}

// readHead reads the head of a request from b, all that was received of it.
func (c *client) readHead(b []byte) {
	w := c.worker
	c.wake()
	if c.unnamed {
		c.readName(b)
		return
	}
	if !c.used && c.opensOtherwise(b) {
		return
	}
	if c.head == nil {
		c.head = w.requestHead()
	}
	n, err := c.head.Parse(b)
	switch {
	case err != nil:
		c.refuse(b, err.(*http1.Error)) //nolint:errorlint // Parse returns no other
	case n == 0:
		c.awaitRest(b)
	default:
		c.begin(b, n)
	}
}

// awaitRest keeps the part of a request that has arrived. The rest must arrive in
// time.
func (c *client) awaitRest(b []byte) {
	c.Keep(b)
	if c.began == 0 {
		c.began = c.worker.loop.Now()
		c.awaitWithin(c.worker.engine.settings.Load().HeadTimeout)
	}
}

// headExpired is called when a request takes too long to begin, or to arrive.
func (c *client) headExpired() {
	if c.worker.engine.group.Closing() {
		c.drainIdle()
		return
	}
	if c.unnamed {
		c.stayUnnamed(policy.ErrSlowHead)
		return
	}
	if c.began == 0 {
		c.close()
		return
	}
	c.refuse(c.Held(), policy.ErrSlowHead)
}

// begin begins the request whose head is the first n bytes of b. The content that
// came with it is checked before a byte of it is sent on.
func (c *client) begin(b []byte, n int) {
	head := c.head
	if head.Framing == http1.Chunked {
		check := head.Body()
		if _, err := check.Skip(b[n:]); err != nil {
			c.refuse(b, err.(*http1.Error)) //nolint:errorlint // Skip returns no other
			return
		}
	}
	if c.worker.engine.isStatus(head) {
		c.handOver(b)
		return
	}
	c.used, c.began = true, 0
	c.enter(exchanging)
	c.ClearDeadline()
	if !c.worker.newRequest(c).start(head, n, b[n:]) {
		c.handOver(b)
	}
}

// isStatus reports whether a request is for the one path that is not the app's.
func (e *Engine) isStatus(head *http1.Request) bool {
	path := e.statusPath
	if path == "" || e.handover == nil || len(head.Path) < len(path) || string(head.Path[:len(path)]) != path {
		return false
	}
	return (len(head.Path) == len(path) || head.Path[len(path)] == '?') && !e.settings.Load().HideStatus
}

// next waits for another request, after one was answered.
func (c *client) next() {
	s := c.worker.engine.settings.Load()
	c.enter(awaiting)
	switch {
	case c.Holds():
		c.began = c.worker.loop.Now()
		c.awaitWithin(s.HeadTimeout)
		c.Later()
	case c.Readable():
		c.awaitWithin(s.IdleTimeout)
		c.Later()
		c.worker.rest(c)
	default:
		c.awaitWithin(s.IdleTimeout)
		c.worker.rest(c)
		if c.worker.engine.group.Full() {
			c.worker.engine.makeRoom(c.worker.loop)
		}
	}
}

// close closes the connection.
func (c *client) close() {
	c.retire()
	c.Close()
}

// retire takes the connection out of all lists and counts.
func (c *client) retire() {
	if c.shaking != nil {
		c.shaking.abandon()
		c.shaking = nil
	}
	c.wake()
	c.enter(clientClosed)
	c.dropHead()
	c.request, c.tunnel = nil, nil
	if s := c.session; s != nil {
		c.session = nil
		s.quit()
	}
}
