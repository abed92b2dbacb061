package std

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// watchAfter is when the watching of a client begins. Most requests end earlier, and need
// no goroutine for it.
const watchAfter = 10 * time.Millisecond

// watcher notices that a client is gone while dynlb reads nothing from it.
type watcher struct {
	timer    *time.Timer // calls watchReset on a new goroutine
	watching sync.WaitGroup
	armed    bool
	stopping atomic.Bool
	exchange *exchange
	ended    atomic.Bool                     // the client has ended its output
	waiter   atomic.Pointer[registry.Waiter] // the exchange is in the queue; nil: it is not
}

// outputEnded has the exchange wait behind others if it is in the queue: a client that has
// ended its output may be gone.
func (w *watcher) outputEnded() {
	w.ended.Store(true)
	if waiter := w.waiter.Load(); waiter != nil {
		w.exchange.app.Registry().Yield(waiter)
	}
}

// waits notes that the exchange is in the queue; nil: it is no more.
func (w *watcher) waits(waiter *registry.Waiter) {
	w.waiter.Store(waiter)
	if waiter != nil && w.ended.Load() {
		w.outputEnded()
	}
}

// watch halts x if the client is gone, until unwatch.
func (c *conn) watch(x *exchange) {
	w := &c.watcher
	w.armed, w.exchange = true, x
	w.ended.Store(false)
	w.watching.Add(1)
	if w.timer == nil {
		w.timer = time.AfterFunc(watchAfter, c.watchReset)
	} else {
		w.timer.Reset(watchAfter)
	}
}

// unwatch ends the watching, and waits for it.
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
	_ = c.conn.SetReadDeadline(longAgo) // the wait reports the error
	w.watching.Wait()
	w.stopping.Store(false)
}

// watchReset halts the exchange when the client resets its connection.
func (c *conn) watchReset() {
	w := &c.watcher
	defer w.watching.Done()
	for {
		_ = c.conn.SetReadDeadline(noDeadline) // the wait reports the error
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
