package fastpath

import (
	"net/http"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
)

// date is the text of the Date field, which changes once a second.
type date struct {
	until int64 // the loop's time
	text  [len("Mon, 02 Jan 2006 15:04:05 GMT")]byte
}

// dateNow returns the value of a Date field.
func (l *loop) dateNow() []byte {
	if l.now >= l.date.until {
		now := time.Now().UTC()
		now.AppendFormat(l.date.text[:0], http.TimeFormat)
		l.date.until = l.now + int64(time.Second) - int64(now.Nanosecond())
	}
	return l.date.text[:]
}

// configured notices new settings.
func (l *loop) configured() {
	s := l.engine.settings.Load()
	if s == l.settings {
		return
	}
	if s.Limits != l.settings.Limits {
		l.requests, l.responses = nil, nil
	}
	l.settings = s
}

// newRequest returns a reader of requests.
func (l *loop) newRequest() *http1.Request {
	if last := len(l.requests) - 1; last >= 0 {
		r := l.requests[last]
		l.requests = l.requests[:last]
		return r
	}
	return http1.NewRequest(l.settings.Limits)
}

// newResponse returns a reader of responses.
func (l *loop) newResponse() *http1.Response {
	if last := len(l.responses) - 1; last >= 0 {
		r := l.responses[last]
		l.responses = l.responses[:last]
		return r
	}
	return http1.NewResponse(l.settings.Limits)
}
