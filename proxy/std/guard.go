package std

import (
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
)

// guardStatus asks the rules in front of the app at the host whether a request for the
// status path may pass: the path is dynlb's, but the host is the app's.
func (l *Lane) guardStatus(r *http1.Request, from edge.Peer) error {
	app := l.options.Router.Route(r.Host, forward.Path(r)).App
	if app == nil {
		return nil
	}
	rules := app.Settings().Edge
	if rules == nil {
		return nil
	}
	x, err := rules.Begin(r, from, app.Edge())
	x.End()
	return err
}
