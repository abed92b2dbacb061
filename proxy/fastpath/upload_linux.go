package fastpath

import (
	"syscall"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/internal/settings"
)

// rounds bounds how much is done for one connection in one turn: so many times
// chunkSize.
const rounds = 4

// upload sends of the request what the instance takes.
func (x *exchange) upload() {
	u, c := x.upstream, x.client
	if x.sent < len(x.head) {
		n, errno := u.fd.write(x.head[x.sent:])
		switch {
		case errno == syscall.EAGAIN:
			u.ready &^= writable
			x.starve()
			return
		case errno != 0:
			x.unsendable(errno)
			return
		}
		u.took()
		if x.sent += n; x.sent < len(x.head) {
			x.starve()
			return
		}
		if x.content {
			x.dropSent()
		}
	}
	for range rounds {
		switch n, err := u.flush(); {
		case err != nil:
			x.unsendable(err)
			return
		case !u.out.empty():
			x.calm() // it is not the client's turn
			if n > 0 {
				u.took()
				x.progressed()
			}
			x.starve()
			return
		case x.up.Done():
			x.uploaded()
			return
		case x.expects && !x.continued:
			if u.timer.at == 0 && !x.responding {
				u.within(int64(settings.ContinueTimeout))
			}
			return
		case !x.readContent():
			return
		}
	}
	x.loop.later(c)
}

// progressed tells the registry that the instance has taken a piece of the request.
func (x *exchange) progressed() {
	if durationOf(x.loop.now-x.sentAt) >= settings.LongUpload {
		x.lease.Progressed()
	}
}

// starve gives the instance time to take what waits for it, unless it has some
// already. One that responds may take its time.
func (x *exchange) starve() {
	if limit := x.settings.RequestTimeout; limit > 0 && x.upstream.timer.at == 0 && !x.responding {
		x.upstream.stall(limit)
	}
}

// calm ends the time that the client has for its content. What it has to take of
// the response has a time of its own.
func (x *exchange) calm() {
	if !x.owes() {
		x.client.timer.clear()
	}
}

// dropSent gives the buffer of the head back, of which nothing will be sent again.
func (x *exchange) dropSent() {
	if !x.marks.Upgrade.IsSet() { // else it is needed once more
		x.dropHead()
		x.sent = 1 // something was
	}
}

// readContent takes some content from the client, and sends it to the instance.
// It reports whether there may be more.
func (x *exchange) readContent() bool {
	u, c := x.upstream, x.client
	u.took()
	x.progressed()
	b := c.held.bytes()
	if b == nil {
		var err error
		if b, err = c.receive(); err == errAgain { //nolint:errorlint // it is the very value
			if c.timer.at == 0 {
				c.within(int64(x.settings.BodyTimeout))
			}
			return false
		} else if err != nil {
			x.clientGone()
			return false
		}
	}
	x.calm()
	payload, used, err := forward.Decode(&x.up, b, nil)
	if err != nil {
		x.spoil(err.(*http1.Error)) //nolint:errorlint // Decode returns no other
		return false
	}
	if x.chunkUp {
		err = u.send(forward.AppendContent(x.loop.out[:0], payload, true, x.up.Done()))
	} else {
		err = u.send(payload)
	}
	c.keep(b[used:]) // now: b may be what is read into
	if err != nil {
		x.unsendable(err)
		return false
	}
	return true
}

// uploaded is called when the whole request was sent. From now on the instance
// has the time that it may take.
func (x *exchange) uploaded() {
	x.wholeSent = true
	x.calm()
	x.sentAt = x.loop.now
	if limit := x.settings.RequestTimeout; limit > 0 {
		x.upstream.within(int64(limit))
	}
}

// unsendable is called when the instance takes nothing any more. It may have
// responded before. What it did not take is lost, so it must get nothing that
// comes after that. The kernel tells only once that a connection was reset, and
// has reads find a plain end from then on; when the instance had ended its side
// before, it says EPIPE instead.
func (x *exchange) unsendable(err error) {
	u := x.upstream
	if err != syscall.EPIPE { //nolint:errorlint // it is a bare Errno
		x.lost = err
	}
	x.calm()
	u.out.release(&x.loop.buffers)
	u.fd.closeWrite()
	if !x.responding {
		u.ready |= readable
		x.receive()
	}
	if x.upstream == u && !x.responding {
		x.broke(err)
	}
}

// instanceReady is the state of a connection to an instance that has a request.
func (x *exchange) instanceReady() {
	u := x.upstream
	if u.ready&(readable|ended|broken) != 0 {
		x.receive()
	}
	if x.upstream == u && u.state == serving && u.exchange == x && !x.wholeSent && u.ready&writable != 0 {
		x.upload()
	}
}

// instanceSilent is called when the instance's time is up.
func (x *exchange) instanceSilent() {
	switch {
	case x.responding:
	case x.expects && !x.continued:
		x.continued = true
		if x.told || x.toClient([]byte(forward.Continue)) {
			x.told = true
			x.upload()
		}
	case !x.wholeSent && !x.upstream.tookNothing():
		x.starve()
	default:
		x.broke(errTimeout)
	}
}
