// Package outcome describes how a request ended. A lane of the proxy reports one
// Outcome per request to one Recorder: access log, traces and metrics take what they
// need from it.
package outcome

import "time"

// Source tells where an error came from.
type Source uint8

// The sources.
const (
	// None: there was no error.
	None Source = iota
	// Client: the request was at fault, or the client gave it up.
	Client
	// Dynlb: the load balancer could not carry the request: no instance was
	// available, or it lacked a resource of its own.
	Dynlb
	// Instance: the instance answered with an error, failed to answer, or broke
	// its response off.
	Instance
)

// String returns the source in lower case; None is "none".
func (s Source) String() string {
	switch s {
	case None:
		return "none"
	case Client:
		return "client"
	case Dynlb:
		return "dynlb"
	case Instance:
		return "instance"
	default:
		return "unknown"
	}
}

// Outcome is how a request ended. A request is recorded once: when the last byte
// of its response is sent, when the response is broken off, or, if a tunnel opens,
// when that happens. Fields that were not known when it ended are zero: a request
// that is refused for its first line has no Method.
//
// The lane owns the Outcome and its slices and uses them again for the next
// request: what is needed after the call must be copied.
type Outcome struct {
	// App is the name of the app that the request was for. It is empty when the
	// request was refused before that was known: it was malformed, its method is
	// not for a reverse proxy, or there is no app for it.
	App string
	// Method is as the client sent it.
	Method []byte
	// Route is the path of the request target, without the query, which may hold
	// secrets.
	Route []byte
	// Client is the IP address of the peer that sent the request, which may be a proxy.
	// It is empty when the peer has none, as on a Unix socket.
	Client string
	// Status tells that the request was for dynlb's own status. It is recorded only if
	// settings.Settings.Describe is set.
	Status bool
	// Request describes the request further. It is nil unless the settings of its app
	// ask for it (edge.Settings.Describe), or those of the proxy if it is for no app
	// (settings.Settings.Describe).
	Request *Request
	// Instance is the ID of the instance that answered, or of the last one that
	// was tried. It is empty when none was claimed.
	Instance string
	// Code is the status that the client got. For a tunnel it is 101. It is 499
	// (policy.StatusClientClosed) when the client gave the request up, and 502 when the
	// instance broke its response off, whatever status the head had. When a client closes
	// its connection just before it gets a small response, it is the status of the
	// response: the kernel takes the response before dynlb learns of the close.
	Code int
	// Source is where an error came from. It is None when Code is below 400.
	Source Source
	// Queued is how long the request waited for an instance.
	Queued time.Duration
	// Attempts is the number of instances that were claimed for the request: 0 if it
	// failed before that, normally 1.
	Attempts int
	// BytesIn is how many bytes of content the client sent. BytesOut is how many bytes of
	// the content of its response were sent to it, which is that of the instance or an
	// answer of dynlb. Heads, framing and the bytes of tunnels do not count.
	BytesIn, BytesOut int64
	// Stream tells that the response was a stream: an upgraded connection or server-sent
	// events. The Duration of an upgraded connection ends when it opens.
	Stream bool
	// Shard is a number that requests have in common which one event loop or one connection
	// carries: counters with a part for each number are not contended.
	Shard int
	// Trace is the place of the request in a trace.
	Trace Trace
	// Duration is the time from the end of the request's head to now. For a
	// request that was refused within its head it counts from the first byte.
	Duration time.Duration
}

// Recorder is called with the Outcome of each request. It is called concurrently,
// by event loops too: it must not block.
type Recorder func(*Outcome)
