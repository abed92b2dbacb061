package std

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

var (
	// errTruncated reports that a stream has less content than its Content-Length says.
	errTruncated = &http1.Error{Status: http.StatusBadRequest, Reason: "content ends before its end"}
	// errTrailerLong reports that the trailer section of a stream exceeds the limit for
	// HTTP/1.1, in which it is passed on.
	errTrailerLong = &http1.Error{Status: http.StatusRequestHeaderFieldsTooLarge, Reason: "trailer section is too long"}
)

// atHand returns nothing: net/http has the content that has arrived.
func (s *stream) atHand() (payload []byte, done bool) { return nil, false }

// trailer returns the trailer section of the request. net/http has the fields of it that the
// request has announced.
func (s *stream) trailer() []byte {
	if s.loan != nil {
		return s.loan.Trailer()
	}
	var b []byte
	for name, values := range s.request.Trailer {
		for _, value := range values {
			b = appendLine(b, name, value)
		}
	}
	return b
}

// piece is what a read returns.
type piece struct {
	payload []byte
	done    bool
	err     error
}

// read waits for more payload.
func (s *stream) read() (payload []byte, done bool, err error) {
	if s.ahead != nil {
		p := <-s.ahead
		s.ahead = nil
		return p.payload, p.done, p.err
	}
	return s.readNow()
}

// readWithin waits for more payload for a limited time. A stream cannot be read any more
// after a read deadline, so that another goroutine reads.
func (s *stream) readWithin(d time.Duration) (payload []byte, done bool, err error) {
	s.readAhead()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case p := <-s.ahead:
		s.ahead = nil
		return p.payload, p.done, p.err
	case <-timer.C:
		return nil, false, errNothing
	}
}

// readAhead begins to read, in another goroutine, unless that is being done.
func (s *stream) readAhead() {
	if s.ahead != nil {
		return
	}
	ahead := make(chan piece, 1)
	s.ahead = ahead
	go func() { // ends with the read; rescue waits for it, if read has not
		var p piece
		p.payload, p.done, p.err = s.readNow()
		ahead <- p
	}()
}

func (s *stream) readNow() (payload []byte, done bool, err error) {
	if s.buffer == nil {
		s.buffer = getBuffer(largeSize)
	}
	n, late, err := s.readLimited()
	if s.left > 0 {
		s.left = max(0, s.left-int64(n))
	}
	switch {
	case err == nil, n > 0 && s.left == 0:
		return s.buffer[:n], s.left == 0, nil
	case s.stopReads.Load():
		return nil, false, errStopped
	case late:
		return nil, false, policy.ErrSlowBody
	case !errors.Is(err, io.EOF):
		return nil, false, context.Canceled
	case s.left > 0:
		return nil, false, errTruncated
	case s.exchange.trailers && len(s.trailer()) > s.rules.Limits.Trailer:
		return nil, false, errTrailerLong
	default:
		return s.buffer[:n], true, nil
	}
}

// readLimited reads within the limit for a piece of content. It uses a timer, because
// after a read deadline a stream cannot be read any more, also if the process was held
// up. The client of a call may pause for as long as it likes.
func (s *stream) readLimited() (n int, late bool, err error) {
	if s.exchange.kind != policy.NoCall {
		n, err = s.request.Body.Read(s.buffer)
		return n, false, err
	}
	s.mu.Lock()
	s.reading, s.within = true, s.lane.clock.limit(s.rules.BodyTimeout)
	if s.timer == nil {
		s.timer = time.AfterFunc(s.rules.BodyTimeout, s.readLate)
	} else {
		s.timer.Reset(s.rules.BodyTimeout)
	}
	s.mu.Unlock()
	n, err = s.request.Body.Read(s.buffer)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = false
	s.timer.Stop()
	return n, s.late, err
}

// readLate is called when the timer fires.
func (s *stream) readLate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.reading { // the read has ended in between
		return
	}
	if next, ok := s.within.extend(); ok {
		s.timer.Reset(time.Until(next))
		return
	}
	s.late = true
	_ = s.control.SetReadDeadline(longAgo) // an error means that the request has ended
}

// stopReading makes a read under way return, and all later ones fail.
func (s *stream) stopReading() {
	s.stopReads.Store(true)
	_ = s.control.SetReadDeadline(longAgo) // an error means that the request has ended
}
