package std

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// watchAfter is how long a request may take before its client is watched. Most are
// answered before that, and cost no goroutine.
const watchAfter = 10 * time.Millisecond

// watcher notices that a client is gone while nothing is read from it.
type watcher struct {
	timer    *time.Timer // calls watch, on a goroutine of its own
	watching sync.WaitGroup
	armed    bool
	stopping atomic.Bool
	exchange *exchange
}

// watch has x halted if the client is gone, until unwatch.
func (c *conn) watch(x *exchange) {
	w := &c.watcher
	w.armed, w.exchange = true, x
	w.watching.Add(1)
	if w.timer == nil {
		w.timer = time.AfterFunc(watchAfter, c.watchReset)
	} else {
		w.timer.Reset(watchAfter)
	}
}

// unwatch ends watch.
func (c *conn) unwatch() {
	w := &c.watcher
	if !w.armed {
		return
	}
	w.armed = false
	if w.timer.Stop() {
		w.watching.Done()
		return
	}
	w.stopping.Store(true)
	_ = c.conn.SetReadDeadline(longAgo) // it fails as the watching will
	w.watching.Wait()
	w.stopping.Store(false)
}

// watchReset waits until the client resets its connection.
func (c *conn) watchReset() {
	w := &c.watcher
	defer w.watching.Done()
	for {
		_ = c.conn.SetReadDeadline(noDeadline) // it fails as the watching will
		if w.stopping.Load() {
			return
		}
		gone, again := c.awaitReset()
		if gone {
			w.exchange.halt(context.Canceled)
			return
		}
		if !again {
			return
		}
	}
}
