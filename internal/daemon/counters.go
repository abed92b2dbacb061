package daemon

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dynlb/dynlb/internal/measure"
	"github.com/dynlb/dynlb/proxy/route"
)

// The names of counts that are not those of server.Metrics.
const (
	connectionsCount = "connections" // APP/EVENT: to instances
	handshakesCount  = "handshakes"  // RESULT
	linesCount       = "lines"       // of access logs that were dropped
	tracesCount      = "traces"      // that were dropped
)

// counters hand what the metrics count over to the next worker, so that no counter goes back.
// It begins with what this one has counted until it froze, and adds what this one reports of
// the requests that it finishes.
type counters struct {
	before earlier

	mu     sync.Mutex     // guards all below, and the adding of counts
	frozen measure.Counts // what was counted when this worker froze; nil before
	// late is what workers have counted since they froze, by pid, as far as it was added.
	late map[int]measure.Counts
}

// earlier is what the workers before have counted that no part of this one goes on with.
type earlier struct{ full, resumed, failed, left, traces atomic.Uint64 }

// eachCount calls put with all that is counted.
func (d *Daemon) eachCount(put func(name string, n uint64)) {
	d.metrics.Counts(put)
	for _, a := range d.apps.All() {
		for event, n := range eventsOf(a.Route) {
			put(connectionsCount+"/"+a.Name+"/"+event, n.Value())
		}
	}
	for result, n := range d.handshakes() {
		put(handshakesCount+"/"+result, n)
	}
	put(linesCount, d.droppedAccessLines())
	put(tracesCount, d.droppedTraces())
}

// counted returns all that is counted.
func (d *Daemon) counted() measure.Counts {
	c := measure.Counts{}
	d.eachCount(func(name string, n uint64) {
		if n > 0 {
			c[name] = n
		}
	})
	return c
}

// addCounts adds what another worker has counted. Names of another version are ignored.
func (d *Daemon) addCounts(counts measure.Counts) {
	before := &d.counters.before
	others := map[string]*atomic.Uint64{
		handshakesCount + "/full": &before.full, handshakesCount + "/resumed": &before.resumed,
		handshakesCount + "/failed": &before.failed, handshakesCount + "/left": &before.left,
		linesCount: &d.droppedLines, tracesCount: &before.traces,
	}
	for name, n := range counts {
		if other := others[name]; other != nil {
			other.Add(n)
			continue
		}
		at, connections := strings.CutPrefix(name, connectionsCount+"/")
		if !connections {
			d.metrics.Add(name, n)
			continue
		}
		app, event, _ := strings.Cut(at, "/")
		if a := d.apps.Get(app); a != nil && eventsOf(a.Route)[event] != nil {
			eventsOf(a.Route)[event].Add(0, n)
		}
	}
}

// eventsOf returns the counters of the connections to the instances of an app, by event.
func eventsOf(a *route.App) map[string]*measure.Counter {
	c := a.Connections()
	return map[string]*measure.Counter{"opened": &c.Opened, "reused": &c.Reused, "broken": &c.Broken, "ended": &c.Ended}
}

// handshakes returns how many handshakes of TLS have ended, by result.
func (d *Daemon) handshakes() map[string]uint64 {
	c, before := d.proxy.Handshakes(), &d.counters.before
	return map[string]uint64{
		"full": c.Full + before.full.Load(), "resumed": c.Resumed + before.resumed.Load(),
		"failed": c.Failed + before.failed.Load(), "left": c.Left + before.left.Load(),
	}
}

// droppedTraces returns how many requests were not exported.
func (d *Daemon) droppedTraces() uint64 {
	n := d.counters.before.traces.Load()
	if d.tracer != nil {
		n += d.tracer.Dropped()
	}
	return n
}

// saveCounts returns what is counted, and what of it workers have counted since they froze.
// After the last time nothing of them is added any more: the next worker does that.
func (d *Daemon) saveCounts(last bool) (counts measure.Counts, late map[int]measure.Counts) {
	c := &d.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	counts = d.counted()
	if last {
		c.frozen = counts
	}
	return counts, maps.Clone(c.late)
}

// lateCounts returns what was counted since this worker froze.
func (d *Daemon) lateCounts() measure.Counts {
	c := &d.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	return d.counted().Since(c.frozen)
}

// applyCounts adds what a worker that drains has counted since it froze. ended says that it
// reports no more.
func (d *Daemon) applyCounts(worker int, now measure.Counts, ended bool) {
	c := &d.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frozen != nil {
		return
	}
	if len(now) > 0 {
		d.addCounts(now.Since(c.late[worker]))
		if c.late == nil {
			c.late = map[int]measure.Counts{}
		}
		c.late[worker] = now
	}
	if ended {
		delete(c.late, worker)
	}
}
