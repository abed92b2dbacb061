package std

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
	"github.com/dynlb/dynlb/proxy/sticky"
)

// exchange is one request and its response. The goroutine of its client runs it; only
// upload runs on another goroutine. A connection uses one exchange for all its requests,
// one after the other.
type exchange struct {
	lane      *Lane
	client    client
	uploading sync.WaitGroup
	wakeup    chan struct{} // capacity 1; gets a value when the exchange is halted
	facts
	shared
	told // of a tunnel
}

// facts are the fields that begin anew with each request.
type facts struct {
	active  bool // between begin and end
	rules   rules
	app     *route.App     // nil: unknown
	timeout time.Duration  // the app's RequestTimeout
	edge    *edge.Exchange // under the rules in front of the app; nil: there are none
	started time.Time
	outcome outcome.Outcome

	// The request.
	method   string
	toHead   bool
	kind     policy.Calls
	content  bool          // the request has content
	chunked  bool          // the content is sent in chunks
	trailers bool          // the instance gets the trailer section of the request
	deadline *callDeadline // nil: the client has set none
	expects  bool          // the client waits for a 100 (Continue) before it sends the content
	head     []byte
	marks    forward.Marks

	// The attempts.
	preference registry.Preference
	sticky     *sticky.Rules // nil: the app has no sessions
	session    sticky.Choice
	pace       policy.Pace // of the content
	attempts   policy.Attempts
	lease      registry.Lease
	released   bool
	uploads    bool          // upload was started
	asked      bool          // the client was asked for the content
	pause      chan struct{} // closed to pause the upload; nil: it cannot be paused
	spilled    bool          // content was uploaded that is not in head

	// The response.
	interim int    // bytes of informational responses
	tunnel  bool   // the instance has switched to another protocol
	trailer []byte // as the instance sent it
}

// shared are the fields that several goroutines use.
type shared struct {
	mu        sync.Mutex         // guards all below
	halted    error              // why the exchange must end; what the client did
	connected *upstream          // halt closes it; nil: there is no connection
	cancel    context.CancelFunc // halt calls it; nil: there is no dial
	readAll   bool               // the request was read to its end
	sentAll   bool               // the request was sent to its end
	sentAt    time.Time          // when the sending ended, or before that when it began
	answerBy  limit              // for the head of the response
	waiting   bool               // between begin and end
	answering bool               // the head of the response was read
	sendErr   error              // why the sending ended too early
	partial   bool               // it has a place of route.App.TakePartial
}

// errStopped reports that a read ended because of stopReading.
var errStopped = errors.New("stopped")

// init prepares x for the requests of a client.
func (x *exchange) init(l *Lane, c client) {
	x.lane, x.client, x.wakeup = l, c, make(chan struct{}, 1)
	x.outcome.Shard = int(l.shards.Add(1))
}

// begin begins the exchange for r, a head of size bytes. It finds the app, and writes the
// request for an instance. The caller may reuse the memory of r afterwards. The error is
// not nil if the request is not forwarded.
func (x *exchange) begin(r *http1.Request, size int, from forward.Peer, rules rules) error {
	x.lane.flights.add()
	select {
	case <-x.wakeup: // left from the previous request
	default:
	}
	x.describe(r, rules)
	x.outcome.Client = from.IP
	x.lane.underscores.Note(r, x.lane.options.Log)
	match, err := x.match(r)
	if err != nil {
		x.describeAlone(r, from)
		return err
	}
	x.app, from.Strip = match.App, match.Strip
	settings := x.app.Settings()
	x.timeout, from.Standard = settings.RequestTimeout, settings.Forwarded
	x.trailers = settings.Protocol != route.HTTP1
	from.Trailers = x.trailers && x.chunked
	if settings.Edge != nil {
		if err := x.judge(settings.Edge, r, from); err != nil {
			return err
		}
	}
	x.sticky, x.session, x.preference = settings.Sticky, sticky.Choice{}, registry.Preference{}
	if x.sticky != nil {
		x.preference = x.sticky.Begin(&x.session, r, policy.Client(r, from.IP, from.Trusted), from.Scheme == "https")
	}
	x.preference.Origin = policy.Origin(r, size, policy.NetworkOf(from.IP), from.Trusted)
	x.writeHead(r, size, from)
	x.limitCall(r)
	return nil
}

// describe notes what is needed of r later, when its bytes may be overwritten.
func (x *exchange) describe(r *http1.Request, rules rules) {
	method, route := x.outcome.Method[:0], x.outcome.Route[:0]
	if cap(route) > maxRoute {
		route = nil
	}
	x.facts = facts{
		active: true, rules: rules, started: time.Now(), trailer: x.trailer[:0],
		outcome: outcome.Outcome{Method: append(method, r.Method...), Route: append(route, forward.Path(r)...), Shard: x.outcome.Shard},
		method:  methodText(r.Method),
		kind:    policy.CallOf(r),
		content: r.HasContent(),
		chunked: r.Framing == http1.Chunked,
	}
	x.toHead = x.method == http.MethodHead
	x.expects = x.content && r.Continue
	x.mu.Lock()
	defer x.mu.Unlock()
	x.halted, x.connected, x.cancel = nil, nil, nil
	x.waiting, x.answering = true, false
	if x.lane.cutting.Load() {
		x.halted = policy.ErrShutdown
	}
	x.readAll = !x.content
}

// maxRoute limits the memory for a path that a connection keeps from one request to the
// next.
const maxRoute = 512

// writeHead writes the head of the request as the instance gets it, with the content that
// has arrived behind it. If the client waits before it sends the content, none is
// written.
func (x *exchange) writeHead(r *http1.Request, size int, from forward.Peer) {
	var payload []byte
	whole := !x.content
	if x.content && !x.expects {
		payload, whole = x.client.atHand()
	}
	b := getBuffer(forward.RequestSize(r, size, from) + x.edge.Added() + len(payload) + contentRoom)
	b, x.marks = forward.AppendRequest(b[:0], r, from)
	if x.marks.Replaced {
		x.lane.peers.Replaced(x.lane.options.Log, from.IP)
	}
	x.head = b
	x.appendContent(payload, whole)
	x.outcome.BytesIn = int64(len(payload))
	x.mu.Lock()
	defer x.mu.Unlock()
	x.readAll = whole
}

// contentRoom is more than the framing of a piece of content takes: a chunk size, two
// line ends, and the last chunk.
const contentRoom = 64

// run carries the request and ends the exchange. If err is not nil, the request is not
// forwarded, and the client gets the answer to err.
func (x *exchange) run(err error) {
	if err == nil {
		err = x.carry()
	}
	if err != nil {
		x.fail(err)
	}
	x.end()
}

// end gives back what the exchange has, and records the outcome.
func (x *exchange) end() {
	x.deadline.end()
	x.client.unwatch()
	x.mu.Lock()
	x.waiting = false
	x.mu.Unlock()
	x.release()
	x.dropPartial()
	putBuffer(x.head[:cap(x.head)])
	x.head = nil
	if !x.tunnel { // a tunnel is recorded when it opens
		x.record()
	}
	x.active = false
	x.lane.flights.end()
}

// abandon ends an exchange after a panic. It restores what other requests rely on: the
// lease, the outcome and the counters.
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

// release gives the lease back. This must be done before the client gets the end of the
// response, so that its next request finds the instance idle.
func (x *exchange) release() {
	if !x.released {
		x.released = true
		x.lease.Release()
	}
}

// record reports the outcome.
func (x *exchange) record() {
	if x.app != nil {
		x.outcome.App = x.app.Name()
	}
	x.outcome.Duration = time.Since(x.started)
	x.outcome.Instance = string(x.lease.ID())
	x.outcome.Attempts = x.attempts.Claims()
	x.outcome.Request, x.outcome.Trace = x.edge.Request(), x.edge.Trace()
	x.lane.options.Record(&x.outcome)
	x.edge.End()
	x.edge = nil
}

// halt ends the exchange because of what the client did; err is one of client.read. It
// wakes the goroutine of the exchange, and is called by other goroutines.
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

// cut halts an exchange that waits for its response, which is a 503 then. It reports
// whether there is one.
func (x *exchange) cut() bool {
	x.mu.Lock()
	waits := x.waiting && !x.answering
	x.mu.Unlock()
	if waits {
		x.halt(policy.ErrShutdown)
	}
	return waits
}

// cause returns why an attempt failed: what the client did if the exchange was halted,
// err otherwise.
func (x *exchange) cause(err error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.halted != nil {
		return x.halted
	}
	return err
}
