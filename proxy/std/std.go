// Package std carries requests with blocking reads and writes, one goroutine per
// connection. It is the lane for what the event loops do not carry, and for platforms
// without event loops.
//
// # Parts
//
//	Lane      accepts connections, and ends them
//	conn      a client's connection of HTTP/1.1, with the goroutine that serves it
//	stream    a request of HTTP/2 or HTTP/3; net/http reads it, or package http3
//	Session   a client's connection of HTTP/3
//	client    what an exchange needs of a conn or a stream
//	exchange  one request and its response
//	download  the part of an exchange that carries the response
//	pool      makes connections to instances, and keeps the idle ones
//	upstream  a connection to an instance
//	intake    the bytes that were read from a connection and are not used yet
//	outlet    writes to a connection, with a limit to how long the peer takes nothing
//	watcher   notices that a client is gone
//	clock     measures the time in which the process was held up
//
// # Goroutines
//
// A request without content uses the goroutine of its connection only. So does a
// request whose content arrives together with its head. Other content is carried by a
// second goroutine, because the response may begin before the content ends. If an
// exchange takes longer than watchAfter, another goroutine watches the client.
//
// # When a client is gone
//
// A client is gone when it has reset its connection, or when a write to it fails. A
// client that has only ended its side of the connection still gets its response.
package std

import (
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/dynlb/dynlb/proxy/handshake"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
	"github.com/dynlb/dynlb/proxy/settings"
	"github.com/dynlb/dynlb/proxy/std/extended"
)

func init() { extended.Restore() } // net/http is initialized

// Options are what a Lane needs. Router and Settings are required.
type Options struct {
	// Router says which app a request is for.
	Router route.Router
	// Settings are those in force, for the requests that begin from now on. They
	// have no zero fields that have a default. After a change call
	// Lane.Reconfigured.
	Settings *atomic.Pointer[settings.Settings]
	// TLS makes connections of TLS. Nil: the lane speaks plain TCP.
	TLS *handshake.Server
	// Conduct knows which instances send stray bytes. Nil: the lane has its own.
	Conduct *policy.Conduct
	// Full reports whether a client waits for one of the connections that Take was
	// given to be closed. Nil: none waits.
	Full func() bool
	// Open returns how many connections of clients are open, those of other lanes too.
	// Nil: those of the lane (Lane.Conns).
	Open func() int
	// StatusPath is the one path that is not an app's, and Status answers GET and
	// HEAD of it. Nil: the path is the app's.
	StatusPath string
	Status     http.Handler
	// Record gets the outcome of each request. Nil: outcomes are not recorded.
	Record outcome.Recorder
	// Log gets one line for each failed request. Nil: there is no log.
	Log *slog.Logger
}

// withDefaults returns o with the defaults where it is zero.
func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Full == nil {
		o.Full = func() bool { return false }
	}
	if o.Record == nil {
		o.Record = func(*outcome.Outcome) {}
	}
	if o.Conduct == nil {
		o.Conduct = new(policy.Conduct)
	}
	return o
}
