package fast

import (
	"net/http"

	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
)

// receiveState is how much of a response was received from the instance; see the
// package comment.
type receiveState uint8

const (
	awaitingHead receiveState = iota
	readingHead
	passing
	complete
)

// response is the response to a request, on its way from the instance to the
// client.
type response struct {
	request     *request
	receiving   receiveState
	reusable    bool            // another request may follow on the instance's connection
	contentless bool            // it cannot have content
	stream      bool            // see policy.IsStream
	head        *http1.Response // while it is being read
	interim     int             // bytes of informational responses
	body        http1.Body
	delivery    forward.Delivery
	trailer     []byte          // as the instance sent it
	pipe        *eventloop.Pipe // what large content goes through; nil when it does not
	stalling    stalling
}

// expect prepares for the response of the next attempt.
func (s *response) expect() { s.receiving, s.interim = awaitingHead, 0 }

// begun reports whether the client was sent the head of the final response.
func (s *response) begun() bool { return s.receiving >= passing }

// recycle gives back the response's reader and pipe.
func (s *response) recycle() {
	s.dropHead()
	s.dropPipe()
	*s = response{request: s.request}
}

// dropHead gives the reader of the head back.
func (s *response) dropHead() {
	if s.head != nil {
		s.request.worker.dropResponseHead(s.head)
		s.head = nil
	}
}

// receive reads from the instance as much as the client takes, and passes it on.
func (s *response) receive() {
	u := s.request.upstream
	for range eventloop.MaxRounds {
		if !s.wantsMore() {
			return
		}
		if s.usesPipe() {
			if !s.splice() {
				return
			}
			continue
		}
		limit := eventloop.ChunkSize
		if !s.begun() && s.request.client.splices() {
			limit = withHead
		}
		b, err := u.ReceiveUpTo(limit)
		if err == eventloop.ErrAgain { //nolint:errorlint // it is the very value
			return
		}
		if err != nil {
			s.instanceEnded(err)
			return
		}
		if s.begun() {
			s.passContent(b)
		} else {
			s.readHead(b)
		}
		if s.request.upstream != u { // it is over, or another attempt was made
			return
		}
	}
	if s.wantsMore() {
		u.Later()
	}
}

// wantsMore reports whether the client has taken all bytes so far, and the instance
// has more to send. If the instance has no more, it finishes the request.
func (s *response) wantsMore() bool {
	if !s.begun() {
		return true
	}
	done, err := s.flush()
	if done && s.pipe != nil {
		done, err = s.drainPipe()
	}
	switch {
	case err != nil:
		s.request.clientGone()
	case done && s.body.Done():
		s.request.finish()
	case done:
		return true
	}
	return false
}

// readHead reads the head of the response, or of informational ones before it.
func (s *response) readHead(b []byte) {
	r := s.request
	upgrade := r.marks.Upgrade.IsSet()
	if s.head == nil {
		s.head = r.worker.responseHead()
		s.head.Reset(r.toHead, upgrade)
	}
	s.receiving = readingHead
	for len(b) > 0 {
		n, err := s.head.Parse(b)
		if err != nil {
			r.broke(err)
			return
		}
		if n == 0 {
			break
		}
		if !s.head.Informational() {
			s.passHead(b[n:])
			return
		}
		if !s.passInterim(n) {
			return
		}
		b = b[n:]
		s.head.Reset(r.toHead, upgrade)
	}
	r.upstream.Keep(b)
}

// passInterim passes an informational response of n bytes on. It reports whether
// another response follows. HTTP/1.0 knows none (RFC 9110, 15.2).
func (s *response) passInterim(n int) bool {
	r := s.request
	if s.interim += n; s.interim > policy.MaxInterim {
		r.broke(policy.ErrInterim)
		return false
	}
	if s.head.Status == http.StatusContinue && r.expects {
		r.app.Continue().Note(true)
		if r.sending == holdContent { // else the deadline is for the response
			r.upstream.ClearDeadline()
		}
		r.continueNow()
		if r.sentContinue {
			return true
		}
		r.sentContinue = true
	}
	if r.http10 {
		return true
	}
	if r.client.stream != nil {
		r.client.stream.inform(s.head)
		return true
	}
	return s.toClient(forward.AppendInterim(r.worker.out[:0], s.head))
}

// passHead passes the head of the response on, and the content in rest.
func (s *response) passHead(rest []byte) {
	r, head := s.request, s.head
	if head.Status == http.StatusSwitchingProtocols {
		r.switchProtocols(head, rest)
		return
	}
	if r.client.stream != nil && r.marks.Upgrade.IsSet() && head.Status < http.StatusMultipleChoices {
		r.fail(policy.ErrNoSwitch)
		return
	}
	s.body = head.Body()
	s.body.SplitTrailer = true
	payload, used, err := forward.Decode(&s.body, rest, &s.trailer)
	if err != nil {
		r.broke(err)
		return
	}
	s.receiving = passing
	r.dropPartial()
	r.outcome.Code = head.Status
	if head.Status >= http.StatusBadRequest {
		r.outcome.Source = outcome.Instance
	}
	s.contentless = r.toHead || head.Status == http.StatusNoContent || head.Status == http.StatusNotModified
	if s.stream = policy.IsStream(head); s.stream {
		r.outcome.Stream = true
		r.lease.Stream()
	}
	if after := r.worker.since(r.sentAt); s.body.Done() {
		r.attempt = attemptOver // see request.release
		r.lease.Completed(after, head.Status)
	} else {
		r.lease.Responded(after, head.Status)
	}
	s.reusable = head.KeepAlive
	if r.upstream.used {
		r.app.IdleTime().Answered(r.upstream.rested)
	}
	r.app.IdleTime().Promised(head.Timeout)
	if used < len(rest) {
		s.surplus()
	}
	r.rules.Sticky.Respond(&r.session, head, r.lease.ID())
	r.edge.Respond(head, r.outcome.Queued, r.worker.since(r.sentAt))
	b := s.appendHead(r.worker.out[:0])
	s.dropHead()
	if r.sending != sendHead { // else it is still being sent
		r.dropHead()
	}
	r.upstream.ClearDeadline()
	if !s.deliver(b, payload) {
		return
	}
	r.upstream.Keep(nil)
	if s.body.Done() && !r.client.Waits() {
		r.finish()
	}
}

// appendHead appends the head of the response as the client gets it. A stream sends it
// itself, and has framing of its own.
func (s *response) appendHead(b []byte) []byte {
	r := s.request
	if r.client.stream != nil {
		r.client.stream.respond(s.head, r.altSvc())
		return b
	}
	to := forward.Client{HTTP10: r.http10, Last: !r.keepAlive || !r.body.Done() || r.worker.engine.ends(), AltSvc: r.altSvc()}
	b, s.delivery = forward.AppendResponse(b, s.head, to, r.worker.dateNow())
	return b
}

// surplus notes that bytes came after the end of the response.
func (s *response) surplus() {
	s.reusable = false
	s.request.pool.stray()
}
