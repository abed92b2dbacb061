package fast

import (
	"errors"

	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/http1"
)

// errBlocks reports that a request is for the lane that may block.
var errBlocks = errors.New("the rules would block the event loop")

// judge asks the rules in front of the app whether the request may pass.
func (r *request) judge(rules *edge.Rules, head *http1.Request) (err error) {
	if r.worker.engine.handover != nil && r.client.stream == nil && rules.Blocks(head) {
		return errBlocks
	}
	r.edge, err = rules.Begin(head, edge.Peer{IP: r.client.ip, Settings: r.settings}, r.app.Edge())
	return err
}

// leave gives a request up that has just begun. The client's connection is handed over.
func (r *request) leave() {
	w := r.worker
	r.client.request = nil
	r.client.enter(awaiting)
	r.recycle()
	w.loop.End()
}
