package policy

import (
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
)

// ResponseLimits bound what an instance sends, in place of the limits for clients. They
// protect the memory of dynlb from an instance that does not end its head. Go's client
// takes heads of 1 MiB by default, and Node's servers send up to 2,000 fields.
var ResponseLimits = http1.Limits{
	Line: 64 << 10, Head: 1 << 20, Fields: 2000, ChunkLine: 4 << 10, Trailer: 64 << 10,
}.WithDefaults()

// MaxInterim bounds the bytes of the informational responses to one request,
// together: eight times the head that a client may send by default.
const MaxInterim = 512 << 10

// These bound the time of an attempt, and of the connections around it. They are the
// same for every proxy.
const (
	// StaleAfter is how long a connection to an instance may be idle and still be used,
	// by default. Node closes idle connections after 5 s, and Bun after 10 s. For servers
	// that close them earlier see IdleTime.
	StaleAfter = 4 * time.Second
	// DialTimeout leaves time for one more SYN, sent after 1 s, when an instance
	// is slow to accept.
	DialTimeout = 2 * time.Second
	// RedialInterval is the time between two attempts to connect to a Unix socket on
	// which too many connections wait to be accepted. An app accepts many in that time.
	RedialInterval = 5 * time.Millisecond
	// ContinueTimeout is how long an instance may take to ask for the content of a
	// request that expects a 100 (Continue). Then it is sent unasked. See Continue.
	ContinueTimeout = time.Second
	// UploadProgressAfter is how long the sending of a request must have taken before a
	// further piece shows that the instance works. Before that it shows nothing: the
	// kernel takes some megabytes for an instance that reads nothing.
	UploadProgressAfter = time.Second
	// FreshFor is how long a new connection without a request is spared when room is made
	// for another one, because its first request may be on the way. The time suffices for
	// a packet that is lost and sent again, usually within 1 s (RFC 6298, 2.1).
	FreshFor = time.Second
	// LingerTimeout is how long a client may continue to send bytes that are thrown
	// away, so that it has time to read the response. It is nginx's
	// lingering_timeout.
	LingerTimeout = 5 * time.Second
	// DrainGrace is how long a client's connection without a request may be used during
	// a shutdown. A client that has just got a response sends its next request within
	// it, and learns from the response that the connection ends. Closing the connection
	// at once would lose that request.
	DrainGrace = time.Second
)
