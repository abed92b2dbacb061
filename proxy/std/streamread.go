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

// errTruncated says that a stream ended before the length that it announced.
var errTruncated = &http1.Error{Status: http.StatusBadRequest, Reason: "content ends before its end"}

// atHand returns nothing: net/http has what has arrived of the content.
func (s *stream) atHand() (payload []byte, done bool) { return nil, false }

// read waits for some more of the content.
func (s *stream) read() (payload []byte, done bool, err error) {
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
	default:
		return s.buffer[:n], true, nil
	}
}

// readLimited reads within the time that a client has for a piece of its content. The
// limit is not net/http's: a stream whose deadline has passed cannot be read any more,
// though it was the process that was held up.
func (s *stream) readLimited() (n int, late bool, err error) {
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

// readLate is called when the time for a read is over.
func (s *stream) readLate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.reading { // it has just ended
		return
	}
	if next, ok := s.within.extend(); ok {
		s.timer.Reset(time.Until(next))
		return
	}
	s.late = true
	_ = s.control.SetReadDeadline(longAgo) // if it cannot, the read ends with the request
}

// stopReading makes read return, and fail from then on.
func (s *stream) stopReading() {
	s.stopReads.Store(true)
	_ = s.control.SetReadDeadline(longAgo) // if it cannot, the read ends with the request
}
