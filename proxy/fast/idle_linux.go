package fast

import (
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/policy"
)

// idleMark is the place of a client among the idle ones of its loop.
type idleMark struct {
	list         *idleClients // nil: it is not idle
	since        int64        // the engine's time when it became idle
	older, newer *client
}

// idleClients are clients of a loop that wait for a request of which no byte has been
// read, in the order in which they became idle.
type idleClients struct {
	oldest, newest *client
	since          atomic.Int64 // that of oldest, for the other loops; 0: none is idle
}

// rest adds a client to the idle ones of its loop.
func (w *worker) rest(c *client) {
	c.wake()
	list := &w.idle
	if !c.used {
		list = &w.fresh
	}
	c.idle = idleMark{list: list, since: w.loop.Now() + w.ahead, older: list.newest}
	if list.newest != nil {
		list.newest.idle.newer = c
	} else {
		list.oldest = c
		list.since.Store(c.idle.since)
	}
	list.newest = c
}

// wake removes a client from the idle ones, if it is idle.
func (c *client) wake() {
	mark, list := c.idle, c.idle.list
	if list == nil {
		return
	}
	c.idle = idleMark{}
	if mark.newer != nil {
		mark.newer.idle.older = mark.older
	} else {
		list.newest = mark.older
	}
	if mark.older != nil {
		mark.older.idle.newer = mark.newer
		return
	}
	list.oldest = mark.newer
	if list.oldest != nil {
		list.since.Store(list.oldest.idle.since)
	} else {
		list.since.Store(0)
	}
}

// longestIdle returns how long a client of the loop that may be closed has been idle at
// most, and the list that it is in; a negative time: there is none. Any goroutine may
// call it.
func (w *worker) longestIdle(now int64) (time.Duration, *idleClients) {
	longest, list := time.Duration(-1), (*idleClients)(nil)
	if since := w.idle.since.Load(); since != 0 {
		longest, list = time.Duration(max(0, now-since)), &w.idle
	}
	if since := w.fresh.since.Load(); since != 0 && now-since >= int64(policy.FreshFor) && time.Duration(now-since) > longest {
		longest, list = time.Duration(now-since), &w.fresh
	}
	return longest, list
}

// closeIdle closes the client that has been idle the longest, if there is one that may
// be closed. A client whose request has arrived is not idle: the request is carried.
func (w *worker) closeIdle() {
	for {
		_, list := w.longestIdle(w.loop.Now() + w.ahead)
		if list == nil {
			return
		}
		c := list.oldest
		if c.Quiet() {
			if c.session != nil {
				c.session.drain()
			} else {
				c.close()
			}
			return
		}
		c.wake()
		c.AssumeReadable()
		c.Later()
	}
}

// makeRoom has the client closed that has been idle the longest, if there is one. It is
// called by a loop.
func (e *Engine) makeRoom(by *eventloop.Loop) {
	w := workerOf(by)
	now := by.Now() + w.ahead
	longest, _ := w.longestIdle(now)
	if e.handedOver != nil && e.handedOver.LongestIdle() > longest {
		longest, w = e.handedOver.LongestIdle(), nil
	}
	for _, l := range e.group.Loops() {
		other := workerOf(l)
		if age, _ := other.longestIdle(now); age > longest {
			longest, w = age, other
		}
	}
	switch {
	case longest < 0:
	case w == nil:
		e.handedOver.CloseIdle()
	case w.loop == by:
		w.closeIdle()
	default:
		w.loop.Post(eventloop.Func(w.closeIdle))
	}
}
