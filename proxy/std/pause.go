package std

import (
	"errors"

	"github.com/dynlb/dynlb/proxy/h2c"
	"github.com/dynlb/dynlb/proxy/policy"
)

// errPaused reports that a read was given up, and that what it reads is read later.
var errPaused = errors.New("paused")

// pauser is a client whose content can be read on after a read was given up.
type pauser interface {
	// readUntil is read, with the error errPaused when pause is closed.
	readUntil(pause <-chan struct{}) (payload []byte, done bool, err error)
}

// readUntil waits for more payload, or until pause is closed.
func (s *stream) readUntil(pause <-chan struct{}) (payload []byte, done bool, err error) {
	s.readAhead()
	select {
	case p := <-s.ahead:
		s.ahead = nil
		return p.payload, p.done, p.err
	case <-pause:
		return nil, false, errPaused
	}
}

// keepPiece keeps a piece of the content of a call that is being uploaded, behind the head,
// as long as there is little of it. The upload calls it.
func (x *exchange) keepPiece(payload []byte, done bool) {
	if x.pause == nil || x.spilled {
		return
	}
	if x.outcome.BytesIn > policy.FirstContent {
		x.spilled = true
		return
	}
	x.appendContent(payload, done)
}

// retract ends the upload of a call that failed with err. It reports whether the call can
// be sent again: the instance has not acted on it, and all content that was read is kept.
// The rest of the content is read later.
func (x *exchange) retract(err error) bool {
	if x.pause == nil || !h2c.Unprocessed(err) {
		return false
	}
	close(x.pause)
	x.uploading.Wait()
	x.pause, x.uploads = nil, x.spilled
	return !x.spilled
}
