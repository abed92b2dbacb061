package edge

import (
	"bytes"
	"net/http"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
)

// Guard reports why a request for dynlb's own status may not pass the rules in front of
// the app at its host: the path is dynlb's, but the host is the app's. rules may be nil.
func (rules *Rules) Guard(r *http1.Request, from Peer, state *State) error {
	if rules == nil {
		return nil
	}
	x, err := rules.Begin(r, from, state)
	x.End()
	return err
}

// StatusCall is a request for dynlb's own status that is recorded.
type StatusCall struct {
	outcome outcome.Outcome
	edge    *Exchange // describes it
}

// NewStatusCall returns the call of a request for a path, nil if such requests are not
// recorded. Call it before Guard, which may change the request.
func NewStatusCall(r *http1.Request, path []byte, from Peer) *StatusCall {
	if !from.Settings.Describe {
		return nil
	}
	x, _ := Describing.Begin(r, from, nil) // they let every request pass
	return &StatusCall{
		outcome: outcome.Outcome{Method: bytes.Clone(r.Method), Route: bytes.Clone(path), Client: from.IP, Status: true},
		edge:    x,
	}
}

// End records the call, which was answered with a status and so much content. c may be nil.
func (c *StatusCall) End(record outcome.Recorder, code int, content int64, took time.Duration) {
	if c == nil {
		return
	}
	o := &c.outcome
	o.Code, o.BytesOut, o.Request, o.Duration = code, content, c.edge.Request(), took
	if code >= http.StatusBadRequest {
		o.Source = outcome.Client
	}
	record(o)
	c.edge.End()
}
