package daemon

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/dynlb/dynlb/proxy"
)

const (
	// gcPercent is the garbage collector's target with event loops. Go's default of
	// 100 doubles the memory of idle connections. The event loops allocate almost
	// nothing, so collecting twice as often costs them almost nothing.
	gcPercent = 50
	// busyCollections is how many collections in garbageInterval make the collector busy. Each
	// takes about 0.5 ms with few connections. A TLS handshake makes 40 KB of garbage: at 3,000
	// a second there are 75 collections, which take a fifth of the processor time.
	busyCollections = 2
	// busyGarbage is how much garbage a busy collector lets come together, unless that is
	// more than busyPercent of what lives: that of 400 handshakes.
	busyGarbage = 16 << 20
	busyPercent = 400
	// garbageInterval is the time between two looks at the collections. A look takes some
	// microseconds.
	garbageInterval = 250 * time.Millisecond
	// calmAfter is after how many looks without a collection the collector is not busy.
	calmAfter = 4
)

// garbage is what is known of the garbage collector.
type garbage struct {
	samples [2]metrics.Sample
	seen    uint64 // collections
	calm    int    // looks since the last collection
	percent int    // the target; see debug.SetGCPercent
}

func newGarbage() *garbage {
	return &garbage{
		samples: [2]metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/live:bytes"}},
		percent: gcPercent,
	}
}

// look returns how many collections there were since the last look, and how many bytes the
// last one found in use.
func (g *garbage) look() (recent, live uint64) {
	metrics.Read(g.samples[:])
	recent = g.samples[0].Value.Uint64() - g.seen
	g.seen += recent
	return recent, g.samples[1].Value.Uint64()
}

// target returns the target from now on.
func (g *garbage) target(recent, live uint64) int {
	g.calm++
	if recent > 0 {
		g.calm = 0
	}
	if g.calm >= calmAfter || g.percent == gcPercent && recent < busyCollections {
		return gcPercent
	}
	return int(min(max(busyGarbage*100/max(live, 1), gcPercent), busyPercent))
}

// tendGarbage sets the target of the garbage collector, and adapts it to the load until stop
// is called. It leaves the collector alone if net/http carries the requests, which makes
// much garbage, or the variable GOGC is set. A start counts as busy.
func tendGarbage(engine proxy.Engine) (stop func()) {
	if engine == proxy.EngineStd || os.Getenv("GOGC") != "" {
		return func() {}
	}
	debug.SetGCPercent(busyPercent) // a start makes 5 MB of garbage, and would be delayed by four collections
	over := make(chan struct{})
	var tending sync.WaitGroup
	tending.Go(func() { // ends with stop
		g := newGarbage()
		g.percent = busyPercent
		g.look()
		ticker := time.NewTicker(garbageInterval)
		defer ticker.Stop()
		for {
			select {
			case <-over:
				return
			case <-ticker.C:
			}
			if next := g.target(g.look()); next != g.percent {
				g.percent = next
				debug.SetGCPercent(next)
			}
		}
	})
	return func() {
		close(over)
		tending.Wait()
	}
}
