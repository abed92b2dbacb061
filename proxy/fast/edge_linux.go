package fast

import (
	"errors"

	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/route"
)

// errBlocks reports that a request is for the lane that may block.
var errBlocks = errors.New("the rules would block the event loop")

// elsewhere reports whether the std lane carries the request, because of the protocol of
// the instances.
func (r *request) elsewhere() bool { return r.rules.Protocol != route.HTTP1 && r.movable() }

// movable reports whether the std lane can carry the request.
func (r *request) movable() bool {
	if r.client.stream != nil {
		return r.worker.engine.lend != nil
	}
	return r.worker.engine.handover != nil
}

// judge asks the rules in front of the app whether the request may pass.
func (r *request) judge(rules *edge.Rules, head *http1.Request) (err error) {
	if r.movable() && rules.Blocks(head) {
		return errBlocks
	}
	r.edge, err = rules.Begin(head, r.peer(), r.app.Edge())
	return err
}

// peer returns the client of the request as the rules know it.
func (r *request) peer() edge.Peer {
	return edge.Peer{IP: r.client.ip, HTTP2: r.client.stream != nil, Settings: r.settings}
}

// describeAlone describes a request that is for no app, for its outcome.
func (r *request) describeAlone(head *http1.Request) {
	if rules := edge.Alone(r.settings); rules != nil {
		r.edge, _ = rules.Begin(head, r.peer(), nil)
	}
}

// leave gives a request up that has just begun. The client's connection is handed over.
func (r *request) leave() {
	w := r.worker
	r.client.request = nil
	r.client.enter(awaiting)
	r.recycle()
	w.loop.End()
}

// altSvc returns the value of Alt-Svc for the client, "" for none.
func (r *request) altSvc() string {
	if r.settings.AltSvc == "" || r.client.scheme() != "https" {
		return ""
	}
	return r.settings.AltSvc
}
