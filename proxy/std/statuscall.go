package std

import (
	"bytes"
	"net/http"
	"time"

	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
)

// statusCall is a request for the status path that is recorded.
type statusCall struct {
	outcome outcome.Outcome
	edge    *edge.Exchange // describes it
	began   time.Time
}

// newStatusCall returns the call of a request, nil if such requests are not recorded.
func newStatusCall(r *http1.Request, from edge.Peer) *statusCall {
	if !from.Settings.Describe {
		return nil
	}
	x, _ := edge.Describing.Begin(r, from, nil) // they let every request pass
	return &statusCall{
		outcome: outcome.Outcome{Method: bytes.Clone(r.Method), Route: bytes.Clone(forward.Path(r)), Client: from.IP, Status: true},
		edge:    x, began: time.Now(),
	}
}

// end records the call, which was answered with a status and so much content.
func (c *statusCall) end(l *Lane, code int, content int64) {
	if c == nil {
		return
	}
	o := &c.outcome
	o.Code, o.BytesOut, o.Request, o.Duration = code, content, c.edge.Request(), time.Since(c.began)
	if code >= http.StatusBadRequest {
		o.Source = outcome.Client
	}
	l.options.Record(o)
	c.edge.End()
}
