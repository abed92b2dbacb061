package std

import (
	"context"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/policy"
)

// atHand returns the payload in the bytes that were read.
func (c *conn) atHand() (payload []byte, done bool) {
	payload, used, _ := forward.Decode(&c.body, c.intake.bytes(), &c.trailers) // parse has checked it
	c.intake.skip(used)
	return payload, c.body.Done()
}

// trailer returns the trailer section of the request.
func (c *conn) trailer() []byte { return c.trailers }

// read waits for more payload.
func (c *conn) read() (payload []byte, done bool, err error) {
	for {
		if c.intake.empty() {
			if err := c.readBody(); err != nil {
				return nil, false, err
			}
		}
		payload, used, err := forward.Decode(&c.body, c.intake.bytes(), &c.trailers)
		c.intake.skip(used)
		if err != nil || len(payload) > 0 || c.body.Done() {
			return payload, c.body.Done(), err
		}
	}
}

// readWithin waits for more payload for a limited time.
func (c *conn) readWithin(d time.Duration) (payload []byte, done bool, err error) {
	if c.intake.empty() {
		_ = c.conn.SetReadDeadline(time.Now().Add(d)) // the read reports the error
		switch err := c.intake.read(c.conn); {
		case err == nil:
		case isTimeout(err):
			return nil, false, errNothing
		default:
			return nil, false, context.Canceled
		}
	}
	payload, used, err := forward.Decode(&c.body, c.intake.bytes(), &c.trailers)
	c.intake.skip(used)
	return payload, c.body.Done(), err
}

// readBody reads some bytes of the content, within the limit for them.
func (c *conn) readBody() error {
	limit := c.lane.clock.limit(c.rules.BodyTimeout)
	deadline := limit.deadline()
	for {
		_ = c.conn.SetReadDeadline(deadline) // the read reports the error
		if c.stopReads.Load() {
			return errStopped
		}
		err := c.intake.read(c.conn)
		switch {
		case err == nil:
			return nil
		case c.stopReads.Load():
			return errStopped
		case !isTimeout(err):
			return context.Canceled
		}
		next, ok := limit.extend()
		if !ok {
			return policy.ErrSlowBody
		}
		deadline = next
	}
}

// stopReading makes a read under way return, and all later ones fail.
func (c *conn) stopReading() {
	c.stopReads.Store(true)
	_ = c.conn.SetReadDeadline(longAgo) // the read reports the error
}
