package fast

import (
	"net/http"
	"time"

	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
)

// maxSpare is how many requests are kept for later, and how many readers of
// request heads and of response heads: more clients than that seldom have a
// request at the same moment.
const maxSpare = 1024

// worker is one event loop's part of the engine. Only the loop's goroutine touches
// it.
type worker struct {
	loop   *eventloop.Loop
	engine *Engine
	shard  int // see outcome.Outcome
	pools  []*pool
	out    []byte // scratch memory for a message that is being written
	date   date

	refused outcome.Outcome // of a request that was not read to the end of its head

	requests      []*request        // spare
	requestHeads  []*http1.Request  // spare
	responseHeads []*http1.Response // spare
	streams       []*stream         // spare

	idle      idleClients // that have had a request
	fresh     idleClients // that have had none
	ahead     int64       // of the loop's time, the engine's is
	awaiting  int         // clients of which no request is under way
	lingering int         // clients that linger
	sessions  int         // clients that speak HTTP/2
	loans     int         // requests that the std lane carries
	drained   func()      // called once there is nothing under way; nil unless draining
}

func newWorker(e *Engine, l *eventloop.Loop) *worker {
	return &worker{
		loop: l, engine: e, shard: int(e.workers.Add(1)), out: make([]byte, 0, eventloop.ChunkSize+4<<10),
		ahead: int64(time.Since(e.began)) - l.Now(),
	}
}

// count counts the clients in the states that a drain waits for.
func (w *worker) count(s clientState, change int) {
	switch s {
	case awaiting, securing:
		w.awaiting += change
	case lingering:
		w.lingering += change
	case multiplexed:
		w.sessions += change
	default:
	}
}

// workerOf returns the worker of a loop.
func workerOf(l *eventloop.Loop) *worker { return l.Protocol().(*worker) }

// requestHead returns a reader of request heads.
func (w *worker) requestHead() *http1.Request {
	limits := w.engine.settings.Load().Limits
	for n := len(w.requestHeads); n > 0; n-- {
		head := w.requestHeads[n-1]
		w.requestHeads = w.requestHeads[:n-1]
		if head.Within(limits) { // else it is from before a change
			return head
		}
	}
	return http1.NewRequest(limits)
}

// dropRequestHead takes a reader back.
func (w *worker) dropRequestHead(head *http1.Request) {
	if len(w.requestHeads) < maxSpare {
		head.Reset()
		w.requestHeads = append(w.requestHeads, head)
	}
}

// responseHead returns a reader of response heads.
func (w *worker) responseHead() *http1.Response {
	last := len(w.responseHeads) - 1
	if last < 0 {
		return http1.NewResponse(policy.ResponseLimits)
	}
	head := w.responseHeads[last]
	w.responseHeads = w.responseHeads[:last]
	return head
}

// dropResponseHead takes a reader back.
func (w *worker) dropResponseHead(head *http1.Response) {
	if len(w.responseHeads) < maxSpare {
		head.Reset(false, false)
		w.responseHeads = append(w.responseHeads, head)
	}
}

// date is the text of the Date field, which changes once a second.
type date struct {
	until int64 // the loop's time
	text  [len("Mon, 02 Jan 2006 15:04:05 GMT")]byte
}

// dateNow returns the value of a Date field.
func (w *worker) dateNow() []byte {
	if at := w.loop.Now(); at >= w.date.until {
		now := time.Now().UTC()
		now.AppendFormat(w.date.text[:0], http.TimeFormat)
		w.date.until = at + int64(time.Second) - int64(now.Nanosecond())
	}
	return w.date.text[:]
}

// since returns the time from a time of the loop to now; 0: no time.
func (w *worker) since(at int64) time.Duration {
	if at == 0 {
		return 0
	}
	return time.Duration(w.loop.Now() - at)
}
