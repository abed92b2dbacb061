package daemon

import (
	"encoding/hex"

	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/route"
	"github.com/dynlb/dynlb/server"
)

// record counts a request in the metrics, and has it logged and its trace exported.
func (d *Daemon) record(o *outcome.Outcome) {
	if o.Status {
		if l := d.access.Load().other; l != nil {
			l.Record(o)
		}
		return
	}
	traceID := ""
	if o.Trace.Sampled && d.tracer != nil {
		d.tracer.Record(o)
		traceID = hex.EncodeToString(o.Trace.ID[:])
	}
	d.metrics.Record(server.Request{
		App: o.App, Code: o.Code, Source: o.Source.String(), Claimed: o.Attempts > 0, Stream: o.Stream,
		Duration: o.Duration, Queued: o.Queued, Shard: o.Shard, TraceID: traceID,
	})
	d.meters.Record(o)
	if l := d.access.Load().of(o.App); l != nil {
		l.Record(o)
	}
}

// connectionsOf returns a function that reads the counts of the connections to the
// instances of an app.
func connectionsOf(a *route.App) func() server.Connections {
	c := a.Connections()
	return func() server.Connections {
		return server.Connections{Opened: c.Opened.Value(), Reused: c.Reused.Value(), Broken: c.Broken.Value(), Ended: c.Ended.Value()}
	}
}

// readPublic returns what is counted at the public listener.
func (d *Daemon) readPublic() server.Public {
	out := server.Public{Connections: d.proxy.OpenConnections()}
	switch d.http3.state.Load() {
	case http3Serves:
		out.HTTP3 = "serving"
	case http3Waits:
		out.HTTP3 = "waiting"
	}
	if d.secured.Load() {
		out.Handshakes = d.handshakes()
	}
	return out
}
