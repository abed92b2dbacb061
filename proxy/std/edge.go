package std

import (
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
)

// judge asks the rules in front of the app whether the request may pass.
func (x *exchange) judge(front *edge.Rules, r *http1.Request, from forward.Peer) (err error) {
	_, http2 := x.client.(*stream)
	x.edge, err = front.Begin(r, edge.Peer{IP: from.IP, HTTP2: http2, Settings: x.rules.Settings}, x.app.Edge())
	return err
}
