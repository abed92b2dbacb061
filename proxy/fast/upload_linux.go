package fast

import (
	"syscall"

	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// upload sends as much of the request as the instance takes.
func (r *request) upload() {
	if r.sending == sendHead && !r.uploadHead() {
		return
	}
	u := r.upstream
	for range eventloop.MaxRounds {
		switch n, err := u.Flush(); {
		case err != nil:
			r.sendFailed(err)
			return
		case u.Waits():
			r.pauseContent()
			if n > 0 {
				u.Progressed()
				r.reportProgress()
			}
			r.armInstanceDeadline()
			return
		case r.body.Done():
			r.uploaded()
			return
		case r.sending == holdContent:
			if u.Deadline() == 0 && !r.response.begun() {
				u.Within(r.app.Continue().Wait())
			}
			return
		case !r.uploadContent():
			return
		}
	}
	r.client.Later()
}

// uploadHead sends the head, and the content that came with it. It reports whether
// all of that was sent.
func (r *request) uploadHead() bool {
	u := r.upstream
	n, err := u.Write(r.head[r.sentHead:])
	if err != nil {
		r.sendFailed(err)
		return false
	}
	if n > 0 {
		u.Progressed()
	}
	if r.sentHead += n; r.sentHead < len(r.head) {
		r.armInstanceDeadline()
		return false
	}
	r.sending = sendContent
	if r.expects && !r.sentContinue {
		r.sending = holdContent
	}
	// A request with content is not sent again, so its head is not needed any more,
	// unless a switch of protocols must be compared with it.
	if r.hasContent && !r.marks.Upgrade.IsSet() {
		r.dropHead()
	}
	return true
}

// uploadContent takes some content from the client, and sends it to the instance.
// It reports whether there may be more.
func (r *request) uploadContent() bool {
	u, c := r.upstream, r.client
	u.Progressed()
	r.reportProgress()
	b, err := r.receiveContent()
	if err == eventloop.ErrAgain { //nolint:errorlint // it is the very value
		return false
	}
	if err != nil {
		r.clientGone()
		return false
	}
	payload, used, err := forward.Decode(&r.body, b, nil)
	if err != nil {
		r.clientFaulted(err.(*http1.Error)) //nolint:errorlint // Decode returns no other
		return false
	}
	if r.tooSlow(len(payload)) {
		return false
	}
	if r.outcome.BytesIn += int64(len(payload)); r.filled() {
		r.dropPartial()
	}
	if r.chunked {
		err = u.Send(forward.AppendContent(r.worker.out[:0], payload, true, r.body.Done()))
	} else {
		err = u.Send(payload)
	}
	c.Keep(b[used:]) // not before: b may be in the buffer that is read into
	if err != nil {
		r.sendFailed(err)
		return false
	}
	return true
}

// uploaded notes that the whole request was sent. From now on requestTimeout runs.
func (r *request) uploaded() {
	r.sending = sendDone
	r.clearClientDeadline()
	r.sentAt = r.worker.loop.Now()
	if limit := r.rules.RequestTimeout; limit > 0 {
		r.upstream.Within(limit)
	}
}

// reportProgress tells the registry that the instance has taken a piece of the
// request, if sending takes long.
func (r *request) reportProgress() {
	if r.worker.since(r.sentAt) >= policy.UploadProgressAfter {
		r.lease.Progressed()
	}
}

// armInstanceDeadline gives the instance time to take some of the bytes that wait for
// it, unless a deadline runs already. An instance that responds has no deadline.
func (r *request) armInstanceDeadline() {
	if limit := r.rules.RequestTimeout; limit > 0 && r.upstream.Deadline() == 0 && !r.response.begun() {
		r.upstream.Stall(limit)
	}
}

// clearClientDeadline ends the time that the client has for its content, unless the
// deadline is for bytes of the response that wait for it.
func (r *request) clearClientDeadline() {
	if !r.response.undelivered() {
		r.client.ClearDeadline()
	}
}

// continueNow ends the holding back of content: the instance asked for it, or is
// slow to ask.
func (r *request) continueNow() {
	if r.sending == holdContent {
		r.sending = sendContent
	}
}

// sendFailed stops sending, because the instance takes nothing any more. The instance
// may have responded before. Bytes that it did not take are lost, so it must not get
// the bytes behind them. The kernel reports a reset once, and lets reads find a plain
// end from then on; if the instance had ended its output before, it reports EPIPE.
func (r *request) sendFailed(err error) {
	u := r.upstream
	r.sending = sendStopped
	if err != syscall.EPIPE { //nolint:errorlint // it is a contentless Errno
		r.lost = err
	}
	r.clearClientDeadline()
	u.DropWaiting()
	u.CloseWrite()
	if !r.response.begun() {
		u.AssumeReadable()
		r.response.receive()
	}
	if r.upstream == u && !r.response.begun() {
		r.broke(err)
	}
}

// instanceReady receives from the instance, and sends it the rest of the request.
func (r *request) instanceReady() {
	u := r.upstream
	if u.Readable() {
		r.response.receive()
	}
	if u.request == r && u.state == serving && r.sending.pending() && u.Writable() {
		r.upload()
	}
}

// instanceExpired acts on the instance's deadline.
func (r *request) instanceExpired() {
	switch {
	case r.response.begun():
	case r.sending == holdContent:
		r.app.Continue().Note(false)
		if r.askForContent() {
			r.upload()
		}
	case r.sending.pending() && !r.upstream.TookNothing():
		r.armInstanceDeadline()
	default:
		r.broke(&policy.TimeoutError{Limit: r.rules.RequestTimeout, Sending: r.sending.pending()})
	}
}

// askForContent asks the client for its content in place of the instance. It reports
// whether the client is still connected.
func (r *request) askForContent() bool {
	r.continueNow()
	if r.sentContinue {
		return true
	}
	r.sentContinue = true
	if r.client.stream != nil {
		r.client.stream.proceed()
		return true
	}
	return r.response.toClient([]byte(forward.Continue))
}

// clientReady sends what waits for the client, and takes its content.
func (r *request) clientReady() {
	c := r.client
	if c.Broken() {
		r.clientGone()
		return
	}
	if c.Waits() {
		done, err := r.response.flush()
		if err != nil {
			r.clientGone()
			return
		}
		if done && r.response.begun() {
			r.response.receive()
		}
	} else if r.response.undelivered() {
		r.response.receive()
	}
	r.yield()
	switch {
	case c.request != r:
	case r.attempt == attemptFilling:
		r.fill()
	case r.sending.pending():
		r.upload()
	}
}

// clientExpired acts on the client's deadline.
func (r *request) clientExpired() {
	switch {
	case r.response.undelivered():
		r.response.stalled()
	case r.sending == sendContent, r.attempt == attemptFilling:
		r.clientFaulted(policy.ErrSlowBody)
	}
}
