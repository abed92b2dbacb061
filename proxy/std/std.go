// Package std carries requests with blocking reads and writes. It is the lane for
// what the event loops do not carry, and for platforms that have none.
//
// # What owns what
//
//	Lane      the settings in force, all connections, and how they end
//	conn      a client's connection of HTTP/1.1, and the goroutine that reads it
//	stream    a request of HTTP/2, which net/http reads
//	client    what an exchange asks of either
//	exchange  a request and its response
//	pool      the connections to the instances that are idle
//	upstream  a connection to an instance
//	clock     the time in which the process was held up
//
// # A request
//
//	conn.await        reads the head, strictly; or Lane.serveStream writes that of
//	                  HTTP/2 as HTTP/1.1 and reads it so
//	exchange.run      claims an instance, and attempts to have it answer, as package
//	                  policy decides
//	exchange.attempt  sends the request on a connection, and reads the response
//	exchange.upload   carries content to the instance, on a goroutine of its own:
//	                  the response may come before the end of the request
//	exchange.deliver  carries the response to the client
//
// A request without content, or with little of it, needs no other goroutine than the
// connection's. That a client is gone is noticed by what is written to it, and by a
// reset of its connection: a client that has ended only its side of the connection
// waits for its response.
package std

import (
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/dynlb/dynlb/proxy/internal/settings"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
)

// Options are what a Lane needs. Router and Settings are required.
type Options struct {
	// Router says which app a request is for.
	Router route.Router
	// Settings are those in force, for the requests that begin from now on. They
	// have no zero fields that have a default. After a change call
	// Lane.Reconfigured.
	Settings *atomic.Pointer[settings.Settings]
	// Conduct is what is known of the instances. Nil: the lane has its own.
	Conduct *policy.Conduct
	// StatusPath is the one path that is not an app's, and Status answers GET and
	// HEAD of it. Nil: the path is the app's.
	StatusPath string
	Status     http.Handler
	// Record is told the outcome of each request. Nil: none is reported.
	Record outcome.Recorder
	// Log gets one line for each failed request. Nil: none is written.
	Log *slog.Logger
}

// withDefaults returns o with the defaults where it is zero.
func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Record == nil {
		o.Record = func(*outcome.Outcome) {}
	}
	if o.Conduct == nil {
		o.Conduct = new(policy.Conduct)
	}
	return o
}
