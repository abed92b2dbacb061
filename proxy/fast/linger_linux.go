package fast

import (
	"bytes"
	"time"

	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
)

// shutdownLinger is how long a client may linger during a shutdown, or while another
// client waits for room. It is what net/http always gives.
const shutdownLinger = 500 * time.Millisecond

// refuse answers a request that is not forwarded. It begins with b.
func (c *client) refuse(b []byte, e *http1.Error) {
	w := c.worker
	w.engine.violations.Log(w.engine.log, e, c.address())
	// The reader of the head may point into a buffer that was used again, so the
	// method is read from b.
	toHead := bytes.HasPrefix(bytes.TrimLeft(b, "\r\n"), []byte("HEAD "))
	f := policy.ViolationFault(e)
	w.refused = outcome.Outcome{
		Code: e.Status, Source: outcome.Client, Client: c.ip, BytesOut: f.Length(toHead), Duration: w.since(c.began),
	}
	w.engine.record(&w.refused)
	if c.Send(f.Append(w.out[:0], toHead, true)) != nil {
		c.close()
		return
	}
	c.end()
}

// end closes the connection once the client has read the response: closing it with
// unread bytes resets it, and the client may lose the response (RFC 9112, 9.6).
func (c *client) end() {
	c.DropHeld()
	c.dropHead()
	c.request = nil
	c.enter(lingering)
	if c.worker.engine.ends() {
		c.Within(shutdownLinger)
	} else {
		c.Within(policy.LingerTimeout)
	}
	c.linger()
}

// linger writes the bytes that wait, ends output, and reads until the client ends
// its output, too.
func (c *client) linger() {
	if c.stream != nil {
		c.stream.linger()
		return
	}
	if _, err := c.Flush(); err != nil || c.Broken() {
		c.close()
		return
	}
	if c.Waits() {
		return
	}
	c.CloseWrite()
	for range eventloop.MaxRounds {
		_, err := c.Receive()          // which is dropped
		if err == eventloop.ErrAgain { //nolint:errorlint // it is the very value
			return
		}
		if err != nil {
			c.close()
			return
		}
	}
	c.Later()
}

// reset closes the connection so that the client sees an error.
func (c *client) reset() {
	c.retire()
	c.Reset()
}
