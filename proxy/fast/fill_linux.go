package fast

import (
	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// admit claims an instance once enough of the content has arrived (policy.FirstContent),
// or there is a place for a partial request. A client that waits to be asked for its
// content is asked by the instance, or without such a place here and now.
func (r *request) admit() {
	switch {
	case r.filled():
		r.claim()
	case !r.expects:
		r.attempt = attemptFilling
		r.fill()
	case r.app.TakePartial():
		r.partial = true
		r.claim()
	default:
		r.attempt = attemptFilling
		if r.askForContent() {
			r.fill()
		}
	}
}

// filled reports whether enough of the content has arrived.
func (r *request) filled() bool {
	return !r.hasContent || r.body.Done() || r.outcome.BytesIn >= policy.FirstContent
}

// fill takes content from the client, and keeps it behind the head.
func (r *request) fill() {
	c := r.client
	for range eventloop.MaxRounds {
		if r.filled() {
			r.endFilling()
			return
		}
		b, err := r.receiveContent()
		if err == eventloop.ErrAgain { //nolint:errorlint // it is the very value
			if r.timer.IsClear() {
				r.worker.loop.SetTimer(&r.timer, r.worker.loop.Now()+int64(policy.FirstContentWait))
			}
			return
		}
		if err != nil {
			r.clientGone()
			return
		}
		payload, used, err := forward.Decode(&r.body, b, nil)
		if err != nil {
			r.clientFaulted(err.(*http1.Error)) //nolint:errorlint // Decode returns no other
			return
		}
		if r.tooSlow(len(payload)) {
			return
		}
		r.keepContent(payload)
		c.Keep(b[used:])
	}
	c.Later()
}

// keepContent adds payload to the bytes that are sent to the instance.
func (r *request) keepContent(payload []byte) {
	r.outcome.BytesIn += int64(len(payload))
	if need := len(r.head) + len(payload) + 64; need > cap(r.head) {
		buffers := r.worker.loop.Buffers()
		larger := append(buffers.Get(max(need, 2*cap(r.head))), r.head...)
		buffers.Put(r.head)
		r.head = larger
	}
	r.head = forward.AppendContent(r.head, payload, r.chunked, r.body.Done())
}

// fillLate is called when the content has not arrived for some time.
func (r *request) fillLate() {
	if !r.app.TakePartial() {
		r.worker.loop.SetTimer(&r.timer, r.worker.loop.Now()+int64(policy.FirstContentWait))
		return
	}
	r.partial = true
	r.endFilling()
}

// endFilling claims an instance.
func (r *request) endFilling() {
	r.timer.Clear()
	r.pauseContent()
	r.attempt = attemptNone
	r.claim()
}

// dropPartial gives the place of a partial request back, if it has one.
func (r *request) dropPartial() {
	if r.partial {
		r.partial = false
		r.app.DropPartial()
	}
}

// receiveContent returns bytes of the content, those that came earlier first. It notes
// when the client began to be waited for, and gives it a deadline.
func (r *request) receiveContent() ([]byte, error) {
	c := r.client
	if b := c.Held(); b != nil {
		return b, nil
	}
	b, err := c.Receive()
	if err == eventloop.ErrAgain { //nolint:errorlint // it is the very value
		if r.awaited == 0 {
			r.awaited = r.worker.loop.Now()
		}
		if c.Deadline() == 0 {
			c.Within(r.settings.BodyTimeout)
		}
	}
	return b, err
}

// pauseContent ends the time that the client has for its content: it is not its turn.
func (r *request) pauseContent() {
	r.awaited = 0
	r.clearClientDeadline()
}

// tooSlow notes that n bytes of the content have arrived. It reports whether the client
// sends too slowly; then the request has ended. A client that gets the response already
// may be waiting for a part of it.
func (r *request) tooSlow(n int) bool {
	waited := r.worker.since(r.awaited)
	r.pauseContent()
	if r.response.begun() || !r.pace.TooSlow(waited, int64(n), r.settings.MinRate, r.settings.BodyTimeout) {
		return false
	}
	r.clientFaulted(policy.ErrSlowBody)
	return true
}
