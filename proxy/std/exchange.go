package std

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
)

// exchange is one request on its way to an instance, and its response on the way
// back. It belongs to the goroutine of its client; upload runs on another. An
// exchange is used again for the next request of a connection.
type exchange struct {
	lane      *Lane
	client    client
	uploading sync.WaitGroup
	wakeup    chan struct{} // capacity 1; gets a value when the exchange is halted
	facts
	shared
}

// facts are what changes from one exchange to the next.
type facts struct {
	active  bool // it has begun, and not ended
	rules   rules
	app     *route.App    // nil before it is known
	timeout time.Duration // the app's RequestTimeout
	started time.Time
	outcome outcome.Outcome

	// The request.
	method  string
	toHead  bool
	content bool // there is some
	chunked bool // it goes in chunks
	expects bool // the client waits for a 100 (Continue) before it sends it
	head    []byte
	marks   forward.Marks

	// The attempts to have it answered.
	attempts policy.Attempts
	lease    registry.Lease
	released bool
	uploads  bool // upload was started
	told     bool // the client was asked for the content

	// The response.
	interim int    // bytes of heads before the final one
	tunnel  bool   // the instance has switched to another protocol
	trailer []byte // as the instance sent it
}

// shared is what several goroutines know of an exchange.
type shared struct {
	mu        sync.Mutex         // guards all below
	halted    error              // why it is to end at once: what the client did
	connected *upstream          // what halting closes; nil when there is none
	cancel    context.CancelFunc // what ends a dial; nil when there is none
	readAll   bool               // the request was read to its end
	sentAll   bool               // all of it was sent
	sentAt    time.Time          // when that was, or else when sending began
	answerBy  limit              // for the head of the response
	answering bool               // it is there
	sendErr   error              // why the instance got nothing more
}

// errStopped says that a read ended because its result is of no use any more.
var errStopped = errors.New("stopped")

// init prepares an exchange for the requests of a client.
func (x *exchange) init(l *Lane, c client) {
	x.lane, x.client, x.wakeup = l, c, make(chan struct{}, 1)
}

// begin begins an exchange: it finds the app of the request, and takes from r, whose
// head had size bytes, all that will be needed, with what has arrived of the content.
// It returns an error if the request is not to be forwarded.
func (x *exchange) begin(r *http1.Request, size int, from forward.Peer, rules rules) error {
	x.lane.flights.add()
	select {
	case <-x.wakeup: // it was meant for the last request
	default:
	}
	x.describe(r, rules)
	if err := policy.Refused(r); err != nil {
		return err
	}
	if x.app = x.lane.options.Router.Route(r.Host, x.outcome.Route); x.app == nil {
		return policy.ErrNoApp
	}
	x.timeout = x.app.Settings().RequestTimeout
	x.writeHead(r, size, from)
	return nil
}

// describe notes what must be known of a request when its bytes are gone.
func (x *exchange) describe(r *http1.Request, rules rules) {
	method, route := x.outcome.Method[:0], x.outcome.Route[:0]
	if cap(route) > maxRoute {
		route = nil
	}
	path, _, _ := bytes.Cut(r.Path, []byte("?")) // no query: it may hold secrets
	x.facts = facts{
		active: true, rules: rules, started: time.Now(), trailer: x.trailer[:0],
		outcome: outcome.Outcome{Method: append(method, r.Method...), Route: append(route, path...)},
		method:  methodText(r.Method),
		content: r.Framing == http1.Chunked || r.Framing == http1.Sized && r.Length > 0,
		chunked: r.Framing == http1.Chunked,
	}
	x.toHead = x.method == http.MethodHead
	x.expects = x.content && r.Continue
	x.mu.Lock()
	defer x.mu.Unlock()
	x.halted, x.connected, x.cancel = nil, nil, nil
	if x.lane.cutting.Load() {
		x.halted = context.Canceled
	}
	x.readAll = !x.content
}

// maxRoute bounds the memory for a path that a connection keeps between requests.
const maxRoute = 512

// writeHead writes the head of the request as the instance gets it, and behind it what
// has arrived of the content, unless the client waits to send that.
func (x *exchange) writeHead(r *http1.Request, size int, from forward.Peer) {
	var payload []byte
	whole := !x.content
	if x.content && !x.expects {
		payload, whole = x.client.atHand()
	}
	b := getBuffer(forward.RequestSize(r, size, from) + len(payload) + contentRoom)
	b, x.marks = forward.AppendRequest(b[:0], r, from)
	x.head = forward.AppendContent(b, payload, x.chunked, whole)
	x.outcome.BytesIn = int64(len(payload))
	x.mu.Lock()
	defer x.mu.Unlock()
	x.readAll = whole
}

// contentRoom is more than what frames a piece of content: a chunk size, two line
// ends, and the last chunk.
const contentRoom = 64

// methodText returns a method as text, which for the usual ones is not allocated.
func methodText(method []byte) string {
	for _, text := range [...]string{"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		if string(method) == text {
			return text
		}
	}
	return string(method)
}

// run carries the request, unless it is not to be forwarded for err, and ends the
// exchange.
func (x *exchange) run(err error) {
	if err == nil {
		err = x.carry()
	}
	if err != nil {
		x.fail(err)
	}
	x.end()
}

// end lets go of what the exchange has, and tells what became of it.
func (x *exchange) end() {
	x.client.unwatch()
	x.release()
	putBuffer(x.head[:cap(x.head)])
	x.head = nil
	if !x.tunnel { // else it was told when it opened
		x.record()
	}
	x.active = false
	x.lane.flights.end()
}

// abandon ends an exchange that has panicked. Of the state it was left in, only what
// others rely on is put right: the claim, the outcome and the counts.
func (x *exchange) abandon() {
	if !x.active {
		return
	}
	x.halt(context.Canceled)
	x.client.stopReading()
	x.uploading.Wait()
	x.outcome.Code, x.outcome.Source = http.StatusInternalServerError, outcome.Dynlb
	x.end()
}

// release gives the claim on the instance back: before the client learns that the
// response has ended, so that its next request finds the instance idle.
func (x *exchange) release() {
	if !x.released {
		x.released = true
		x.lease.Release()
	}
}

// record tells the outcome.
func (x *exchange) record() {
	if x.app != nil {
		x.outcome.App = x.app.Name()
	}
	x.outcome.Duration = time.Since(x.started)
	x.outcome.Instance = string(x.lease.ID())
	x.outcome.Attempts = x.attempts.Claims()
	x.lane.options.Record(&x.outcome)
}

// halt ends the exchange for what the client did: err is as of client.read. It is
// called by other goroutines than the exchange's, which it wakes.
func (x *exchange) halt(err error) {
	x.mu.Lock()
	if x.halted == nil {
		x.halted = err
	}
	u, cancel := x.connected, x.cancel
	x.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	if u != nil {
		u.close()
	}
	select {
	case x.wakeup <- struct{}{}:
	default:
	}
}

// cause returns why an attempt has failed with err: what the client did comes first.
func (x *exchange) cause(err error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.halted != nil {
		return x.halted
	}
	return err
}
