package edge

import (
	"bytes"
	"sync"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/settings"
)

// Exchange is one request under the rules, and its response. The request that began it
// owns it until End. The methods of a nil Exchange do nothing.
type Exchange struct {
	rules   *Rules
	request outcome.Request // its slices are parts of text
	text    []byte          // what is kept of the request, and what is added to it
	tracing outcome.Trace   // if requests are traced
	added   int             // bytes that were added to the head of the request
	wants   form            // of an answer of dynlb itself
	coding  coding          // of the content of the response, if it may be compressed
}

// maxKept bounds the memory for text that an Exchange keeps for the next request.
const maxKept = 4 << 10

// exchanges are those that wait for another request.
var exchanges = sync.Pool{New: func() any { return new(Exchange) }}

// Peer is the client of a request.
type Peer struct {
	// IP is the address of the other end of the connection; "" when it has none.
	IP string
	// HTTP2 and HTTP3 tell that the request came as one of that version.
	HTTP2, HTTP3 bool
	// Status tells that the request is for dynlb's own status, not for the app.
	Status bool
	// Settings say which peers are trusted.
	Settings *settings.Settings
}

// Blocks reports whether the rules would take long for a request, for its credentials or
// for the content of its response: an event loop must not carry it then.
func (rules *Rules) Blocks(r *http1.Request) bool {
	s := &rules.settings
	return s.Compress && codingOf(&r.Head) != identity || s.Users != nil && s.Users.blocks(r)
}

// Begin begins a request with the head r, and edits the head. state is what is remembered
// of the requests of the app. The error is a *policy.RejectedError if the request may not
// pass; there is an Exchange nevertheless.
func (rules *Rules) Begin(r *http1.Request, from Peer, state *State) (*Exchange, error) {
	x := exchanges.Get().(*Exchange)
	x.rules = rules
	client, known := "", true
	if rules.guarded || rules.settings.Describe {
		client, known = clientOf(r, from)
	}
	if rules.settings.Describe {
		x.describe(r, client, from)
	}
	if rules.requestID.isSet() {
		x.identify(r, from.Settings.Trusts(from.IP))
	}
	if rules.settings.Trace != nil {
		x.trace(r, rules.settings.Trace)
	}
	if rules.settings.Pages != nil || rules.settings.Maintenance != nil {
		x.wants = formOf(&r.Head)
	}
	if rules.settings.Compress {
		x.coding = codingOf(&r.Head)
	}
	if rules.guarded {
		if key := rules.settings.restriction(); key != "" && !known {
			return x, reject(forbidden("a trusted proxy does not name its client by an address", key))
		}
		return x, x.guard(r, client, from.Status, state)
	}
	return x, nil
}

// Request returns the description of the request for its outcome, or nil.
func (x *Exchange) Request() *outcome.Request {
	if x == nil || !x.rules.settings.Describe {
		return nil
	}
	return &x.request
}

// Added returns how many bytes Begin has added to the head of the request.
func (x *Exchange) Added() int {
	if x == nil {
		return 0
	}
	return x.added
}

// End ends the use of x and of all that it has returned.
func (x *Exchange) End() {
	if x == nil {
		return
	}
	text := x.text[:0]
	if cap(text) > maxKept {
		text = nil
	}
	*x = Exchange{text: text}
	exchanges.Put(x)
}

// maxDescribed bounds each text that a client chooses in the description of a request.
const maxDescribed = 1 << 10

// describe keeps what the access log says of a request.
func (x *Exchange) describe(r *http1.Request, client string, from Peer) {
	query := r.Path[len(r.Path):]
	if i := bytes.IndexByte(r.Path, '?'); i >= 0 {
		query = r.Path[i:]
	}
	var referer, agent []byte
	for i := range r.Fields {
		switch f := &r.Fields[i]; {
		case referer == nil && is(f.Name, "referer"):
			referer = f.Value
		case agent == nil && is(f.Name, "user-agent"):
			agent = f.Value
		}
	}
	x.request = outcome.Request{
		Query: x.keep(query), Host: x.keep(r.Host), Referer: x.keep(referer), UserAgent: x.keep(agent),
		Client: x.keep([]byte(client)), Minor: r.Minor, HTTP2: from.HTTP2, HTTP3: from.HTTP3,
	}
}

// keep returns a copy of b, cut to maxDescribed bytes.
func (x *Exchange) keep(b []byte) []byte {
	start := len(x.text)
	x.text = append(x.text, b[:min(len(b), maxDescribed)]...)
	return x.text[start:len(x.text):len(x.text)]
}
