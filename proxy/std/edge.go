package std

import (
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
)

// match returns the app that the request is for. The error is not nil if there is none.
func (x *exchange) match(r *http1.Request) (route.Match, error) {
	if err := policy.CheckMethod(r); err != nil {
		return route.Match{}, err
	}
	match := x.lane.options.Router.Route(r.Host, x.outcome.Route)
	return match, match.Err()
}

// judge asks the rules in front of the app whether the request may pass.
func (x *exchange) judge(front *edge.Rules, r *http1.Request, from forward.Peer) (err error) {
	x.edge, err = front.Begin(r, x.peer(from), x.app.Edge())
	return err
}

// peer returns the client of the request as the rules know it.
func (x *exchange) peer(from forward.Peer) edge.Peer {
	peer := edge.Peer{IP: from.IP, Settings: x.rules.Settings}
	if s, ok := x.client.(*stream); ok {
		peer.HTTP2, peer.HTTP3 = s.session == nil, s.session != nil
	}
	return peer
}

// describeAlone describes a request that is for no app, for its outcome.
func (x *exchange) describeAlone(r *http1.Request, from forward.Peer) {
	if rules := edge.Alone(x.rules.Settings); rules != nil {
		x.edge, _ = rules.Begin(r, x.peer(from), nil)
	}
}
