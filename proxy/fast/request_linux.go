package fast

import (
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
	"github.com/dynlb/dynlb/proxy/settings"
	"github.com/dynlb/dynlb/proxy/sticky"
)

// attemptState is how far a request has come with having an instance answer it; see
// the package comment.
type attemptState uint8

const (
	attemptNone attemptState = iota
	attemptFilling
	attemptQueued
	attemptConnecting
	attemptExchanging
	attemptChecking
	attemptOver
	attemptAbandoned
)

// sendState is how much of a request was sent to the instance; see the package
// comment.
type sendState uint8

const (
	sendNothing sendState = iota
	sendHead
	holdContent
	sendContent
	sendDone
	sendStopped
)

// pending reports whether there is something to send, and the instance takes it.
func (s sendState) pending() bool { return s == sendHead || s == holdContent || s == sendContent }

// request is one request from a client, from its head to the end of the response.
type request struct {
	worker   *worker
	waiter   registry.Waiter // its Grant is made once
	granted  grant           // the arguments of the last call of Grant
	timer    eventloop.Timer // in the queue, until an instance is known to be dead, and between dials
	response response
	facts
}

// grant is the registry's answer to a request that waited.
type grant struct {
	lease registry.Lease
	err   error
}

// facts are the parts of a request that the next one in the same memory begins
// without.
type facts struct {
	client   *client
	upstream *upstream          // nil while there is none
	app      *route.App         // nil until it is known
	rules    *route.Settings    // of the app, for this request
	settings *settings.Settings // of the client's side, for this request
	session  sticky.Choice
	edge     *edge.Exchange  // under the rules in front of the app; nil: there are none
	outcome  outcome.Outcome // Method and Route are parts of label
	attempt  attemptState
	sending  sendState

	// The request as the client sent it.
	label      []byte // its method and path
	toHead     bool   // the method is HEAD
	idempotent bool   // the method is; see policy.Idempotent
	http10     bool   // the client speaks HTTP/1.0
	keepAlive  bool   // the client wants to send another request
	hasContent bool
	expects    bool // the client waits for a 100 (Continue) before it sends the content
	chunked    bool // the content goes on in chunks
	body       http1.Body
	head       []byte // as the instance gets it, and content that came at once; a buffer
	marks      forward.Marks
	began      int64 // when its head was there
	pace       policy.Pace
	awaited    int64 // since when the client is waited for; 0: it is not
	partial    bool  // it has a place of route.App.TakePartial

	// The attempts to have an instance answer it.
	lease        registry.Lease
	pool         *pool
	attempts     policy.Attempts
	queuedAt     int64 // when it began to wait for an instance
	dialBy       int64 // when connecting has taken too long; 0 before the first dial failed
	sentHead     int   // how much of head
	sentAt       int64 // when sending began, then when it ended
	sentContinue bool  // the client was asked for its content
	endsBy       int64 // when it is known how an instance ended that has ended
	connRefused  bool  // the instance refuses connections
	lost         error // why the instance cannot have sent all of its response; see sendFailed
}

// newRequest returns a request that has begun on a client's connection.
func (w *worker) newRequest(c *client) *request {
	var r *request
	if last := len(w.requests) - 1; last >= 0 {
		r = w.requests[last]
		w.requests = w.requests[:last]
	} else {
		r = &request{worker: w}
		r.response.request, r.timer.Owner = r, r
		r.waiter.Grant = func(lease registry.Lease, err error) {
			r.granted = grant{lease, err}
			w.loop.Post(r)
		}
	}
	r.client, r.settings, r.began = c, w.engine.settings.Load(), w.loop.Now()
	c.request = r
	w.loop.Begin()
	return r
}

// start carries the request whose head has n bytes. It finds the app, writes the
// request anew, and claims an instance. rest holds the bytes behind the head. It reports
// whether the request is for the fast lane; if not, it has undone what it began.
func (r *request) start(head *http1.Request, n int, rest []byte) bool {
	r.describe(head)
	r.worker.engine.underscores.Note(head, r.worker.engine.log)
	strip, err := 0, policy.CheckMethod(head)
	if err == nil {
		strip, err = r.route(head)
	}
	blocks := err == errBlocks //nolint:errorlint // it is the very value
	if (err == nil || blocks) && r.client.stream != nil && r.client.stream.crowded {
		err, blocks = policy.ErrStreams, false
	}
	if blocks {
		r.leave()
		return false
	}
	if err != nil {
		if r.app == nil {
			r.describeAlone(head)
		}
		r.client.Keep(rest)
		r.client.dropHead()
		r.fail(err)
		return true
	}
	r.writeHead(head, n, strip, rest)
	r.client.dropHead()
	r.admit()
	return true
}

// route finds the app that the request is for, and how many bytes of the path the
// instance does not get.
func (r *request) route(head *http1.Request) (strip int, err error) {
	match := r.worker.engine.router.Route(head.Host, r.outcome.Route)
	if match.App == nil {
		return 0, match.Err()
	}
	r.app, r.rules = match.App, match.App.Settings()
	if r.elsewhere() {
		return 0, errBlocks
	}
	if rules := r.rules.Edge; rules != nil {
		err = r.judge(rules, head)
	}
	return match.Strip, err
}

// describe notes the properties of the request that are needed when its bytes are
// gone.
func (r *request) describe(head *http1.Request) {
	r.label = append(append(r.label[:0], head.Method...), forward.Path(head)...)
	r.outcome.Method, r.outcome.Route = r.label[:len(head.Method)], r.label[len(head.Method):]
	r.toHead = string(head.Method) == "HEAD"
	r.idempotent = policy.Idempotent(string(head.Method))
	r.http10 = head.Minor == 0
	r.keepAlive = head.KeepAlive
	r.hasContent = head.HasContent()
	r.chunked = head.Framing == http1.Chunked
	r.expects = head.Continue && r.hasContent
	r.body = head.Body()
}

// writeHead writes the request as the instance gets it: its head, which had n bytes,
// without the first strip bytes of the path, and the content in rest, unless the client
// waits to send that.
func (r *request) writeHead(head *http1.Request, n, strip int, rest []byte) {
	ip := r.client.ip
	from := forward.Peer{
		IP: ip, Trusted: r.settings.Trusts(ip), Scheme: r.client.scheme(), Strip: strip, Standard: r.rules.Forwarded,
	}
	size := forward.RequestSize(head, n, from) + r.edge.Added()
	if r.hasContent && !r.expects {
		size += len(rest) + 64
	}
	r.head, r.marks = forward.AppendRequest(r.worker.loop.Buffers().Get(size), head, from)
	if r.marks.Replaced {
		r.worker.engine.peers.Replaced(r.worker.engine.log, ip)
	}
	if r.hasContent && !r.expects {
		payload, used, _ := forward.Decode(&r.body, rest, nil) // client.begin has checked it
		r.head = forward.AppendContent(r.head, payload, r.chunked, r.body.Done())
		r.outcome.BytesIn = int64(len(payload))
		rest = rest[used:]
	}
	if rules := r.rules.Sticky; rules != nil {
		r.waiter.Preference = rules.Begin(&r.session, head, policy.Client(head, ip, from.Trusted), from.Scheme == "https")
	}
	r.waiter.Preference.Origin = policy.Origin(head, n, r.client.network, from.Trusted)
	r.client.Keep(rest)
}

// recycle gives back the request's buffers, and its memory.
func (r *request) recycle() {
	w := r.worker
	r.timer.Clear() // the loop may keep it: the next request has the same
	r.dropHead()
	r.response.recycle()
	label := r.label[:0]
	if cap(label) > 512 {
		label = nil
	}
	r.facts = facts{label: label}
	r.waiter.Preference = registry.Preference{}
	r.granted = grant{}
	if len(w.requests) < maxSpare {
		w.requests = append(w.requests, r)
	} else {
		w.loop.RemoveTimer(&r.timer)
	}
}

// dropHead gives the buffer of the head back.
func (r *request) dropHead() {
	if r.head != nil {
		r.worker.loop.Buffers().Put(r.head)
		r.head = nil
	}
}

// dropUpstream closes the connection to the instance, if there is one.
func (r *request) dropUpstream() {
	if r.upstream != nil {
		r.upstream.close()
		r.upstream = nil
	}
	r.sending = sendNothing
}
