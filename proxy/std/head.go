package std

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
)

// errEnded reports that a connection must end although no request has begun.
var errEnded = errors.New("connection ended")

// next reads a request, and carries or refuses it.
func (c *conn) next() {
	n, err := c.await()
	violation, malformed := errors.AsType[*http1.Error](err)
	switch {
	case malformed:
		c.turnAway(violation)
	case err != nil:
		c.fate = closes
	case c.fate == stays:
		c.take(n)
	}
	c.dropRequest()
	c.intake.shrink()
}

// await reads the head of a request, and returns its length.
func (c *conn) await() (int, error) {
	rules := c.lane.rules()
	limit := c.lane.clock.limit(rules.IdleTimeout)
	if !c.used {
		limit = c.lane.clock.limit(rules.HeadTimeout)
	}
	c.began = time.Time{}
	c.stopReads.Store(false)
	if c.intake.empty() {
		c.lane.rests(&c.member, c.used)
	}
	for {
		if !c.intake.empty() {
			if c.began.IsZero() {
				c.rules = c.lane.rules()
				limit = c.lane.clock.limit(c.rules.HeadTimeout)
				c.began = limit.began
			}
			n, err := c.parse()
			if n > 0 || err != nil || c.fate != stays {
				return n, err
			}
		}
		err := c.readHead(&limit)
		c.lane.idleConns.remove(&c.member)
		if err != nil {
			return 0, err
		}
		if c.unwanted.Load() { // it stays for this request
			c.lane.gate.recheck()
		}
	}
}

// parse parses the bytes that were read. It returns the length of the head, or 0 if the
// head is incomplete.
func (c *conn) parse() (int, error) {
	b := c.intake.bytes()
	if !c.used {
		switch has, may := c.isPreface(b); {
		case c.fate != stays:
			return 0, nil
		case has:
			c.leaveToStreams()
			return 0, nil
		case may:
			return 0, nil
		}
	}
	if c.request == nil {
		c.request = c.rules.requests.Get().(*http1.Request)
	}
	n, err := c.request.Parse(b)
	if n == 0 || err != nil {
		return 0, err
	}
	c.body, c.trailers = c.request.Body(), c.trailers[:0]
	c.body.SplitTrailer = true
	check := c.body // the content that has arrived is checked before a byte is forwarded
	if _, err := check.Skip(b[n:]); err != nil {
		return 0, err
	}
	return n, nil
}

// readHead reads some bytes of a head, within the limit.
func (c *conn) readHead(limit *limit) error {
	deadline, last := limit.deadline(), false
	for {
		_ = c.conn.SetReadDeadline(deadline) // the read reports the error
		if !last && c.leaving() {            // a request that has arrived is carried
			last = true
			deadline = earlier(deadline, time.Now().Add(c.lastWait()))
			_ = c.conn.SetReadDeadline(deadline)
		}
		err := c.intake.read(c.conn)
		if err == nil || !isTimeout(err) {
			return err
		}
		if !last && c.leaving() || last && time.Now().Before(deadline) { // Shutdown wakes all reads
			continue
		}
		next, ok := limit.extend()
		switch {
		case last:
			return errEnded
		case ok:
			deadline = next
		case c.began.IsZero():
			return errEnded
		default:
			return policy.ErrSlowHead
		}
	}
}

// lastWait is how long a connection that ends as soon as it has no request waits for one.
func (c *conn) lastWait() time.Duration {
	if c.lane.closing.Load() {
		return c.lane.options.Settings.Load().DrainGrace
	}
	return lastLook
}

// leaving reports whether the connection ends as soon as it has no request.
func (c *conn) leaving() bool {
	return c.lane.closing.Load() || c.began.IsZero() && c.unwanted.Load()
}

// earlier returns the earlier of two times.
func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// take carries the request in c.request, whose head has n bytes.
func (c *conn) take(n int) {
	r := c.request
	c.used = true
	c.http10, c.keep, c.toHead = r.Minor == 0, r.KeepAlive, string(r.Method) == http.MethodHead
	c.delivery = forward.Delivery{}
	c.pace, c.rate = policy.Pace{}, c.rules.MinRate
	c.peer.Trusted = c.rules.Trusts(c.peer.IP)
	c.intake.skip(n)
	if c.lane.isStatus(r) {
		c.takeStatus(r)
		return
	}
	err := c.exchange.begin(r, n, c.peer, c.rules)
	c.dropRequest() // the bytes of the head may be overwritten now
	c.exchange.run(err)
}

// dropRequest gives the reader of the head back.
func (c *conn) dropRequest() {
	if c.request != nil {
		c.request.Reset()
		c.rules.requests.Put(c.request)
		c.request = nil
	}
}

// turnAway answers a request that is malformed or too slow. Nothing of it was forwarded.
func (c *conn) turnAway(e *http1.Error) {
	took := time.Duration(0)
	if !c.began.IsZero() {
		took = time.Since(c.began)
	}
	c.toHead = bytes.HasPrefix(bytes.TrimLeft(c.intake.bytes(), "\r\n"), []byte("HEAD "))
	c.exchange.outcome = outcome.Outcome{Duration: took}
	f := c.lane.turnedAway(&c.exchange.outcome, e, c.conn.RemoteAddr().String(), c.toHead)
	c.keep = false
	c.refuse(f, false)
}

// turnedAway logs and records a request that was turned away, and returns the answer. o has
// the time that it took.
func (l *Lane) turnedAway(o *outcome.Outcome, e *http1.Error, client string, toHead bool) policy.Fault {
	l.violations.Log(l.options.Log, e, client)
	f := policy.ViolationFault(e)
	o.Code, o.Source, o.BytesOut = e.Status, outcome.Client, f.Length(toHead)
	o.Client, _, _ = net.SplitHostPort(client) // of a Unix socket it is ""
	l.options.Record(o)
	return f
}
