// Package proxy is the data plane: it carries each request to one instance and
// the response back. It claims the instance from the registry, and the claim
// ends with the request, however that ends.
//
// There are two lanes. Package fastpath carries plain HTTP/1.1 in event loops,
// and hands all else over to net/http, which does it here; so does HTTP/1.1 where
// there is no fastpath. Both behave alike, and pass the same tests.
//
// One request here, from top to bottom:
//
//	guard               reads what the client sends before net/http may see it
//	Proxy.ServeHTTP     /lb-status, or an exchange
//	exchange.run        claims an instance, hands over to httputil.ReverseProxy
//	exchange.rewrite    what the instance gets to see: target, X-Forwarded-*
//	exchange.RoundTrip  tries instances as the retry rules allow
//	pool, upstream      the connections to the instances
//	departures          closes those to instances that leave service
//	socket              reads what the instance sends before net/http may see it
//	fault               what the client is told when it fails
package proxy

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/internal/fault"
	"github.com/dynlb/dynlb/proxy/internal/settings"
	"github.com/dynlb/dynlb/proxy/policy"
)

// StatusClientClosed is recorded for a request that the client gave up before
// it had the whole response. It is never sent.
const StatusClientClosed = fault.StatusClientClosed

// statusPath is the one path that is not the app's.
const statusPath = "/lb-status"

// Settings are how requests are carried.
type Settings = settings.Settings

// Options are what a Proxy needs. Only Registry is required.
type Options struct {
	// Registry says which instance a request goes to.
	Registry *registry.Registry
	// Settings are how requests are carried.
	Settings
	// Engine is what carries plain HTTP/1.1. Empty: EngineAuto.
	Engine Engine
	// Status answers GET and HEAD of /lb-status. Nil: the path is the app's.
	Status http.Handler
	// Record is called once for each request that was meant for an instance, or
	// was refused before that could be known, with the status the client got and
	// the time to the end of the response. A tunnel is recorded when it opens, as
	// a 101; a request that the client gave up as StatusClientClosed; a response
	// that its instance broke off as a 502, whatever its header said. It may be
	// called concurrently. Nil: nobody is told.
	Record func(code int, took time.Duration)
	// Log gets one line for each failed request. Nil: none are written.
	Log *slog.Logger
}

// withDefaults returns o with the defaults where it is zero.
func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Settings = o.Settings.WithDefaults()
	return o
}

// Proxy carries requests to instances. It is an http.Handler, and with Serve
// and Shutdown the public server around it. Create one with New. All methods
// are safe for concurrent use.
type Proxy struct {
	options  Options
	settings atomic.Pointer[Settings] // for the requests that begin now
	guard    *guard
	server   *http.Server
	pool     *pool
	conduct  policy.Conduct // what is known of the instances
	flight   flight
	cut      context.CancelFunc // ends the contexts of all requests
	followed chan struct{}      // closed when departures are not followed any more
	lanes
}

// New returns a Proxy. Call Shutdown when done with it, served or not: it keeps
// connections to instances.
func New(options Options) *Proxy {
	options = options.withDefaults()
	p := &Proxy{
		options:  options,
		pool:     newPool(&options.Settings),
		flight:   newFlight(),
		followed: make(chan struct{}),
	}
	p.settings.Store(&options.Settings)
	base, cut := context.WithCancel(context.Background())
	p.cut = cut
	p.guard = newGuard(&options, p.refused)
	p.server = newServer(base, p, p.guard, &options)
	p.newLanes()
	go func() { // ended and waited for by Shutdown
		defer close(p.followed)
		followDepartures(base, options.Registry, p.droppers()...)
	}()
	return p
}

// Configure changes the settings, all of them, for the requests that begin from
// now on, on connections that are open already too. To the letter:
//
//   - A request begins with the first byte of its head, and with HTTP/2 when it is
//     complete. One that has begun is carried as before.
//   - IdleTimeout counts from the next response on. A connection of HTTP/2 has the
//     one that New was given.
//   - RequestTimeout, and Limits for responses, come with new connections to the
//     instances: if they change, those that are idle are closed, and those in use
//     when they become idle.
//   - MaxConnections counts when the next client connects. No connection is
//     closed because they are too many now.
//   - Limits.Head above 1 MiB, and above what New was given, is no more than that.
func (p *Proxy) Configure(s Settings) {
	s = s.WithDefaults()
	p.settings.Store(&s)
	p.guard.configure(&s)
	p.pool.configure(&s)
	if p.fast != nil {
		p.fast.Configure(s)
	}
}

// ServeHTTP carries one request to an instance, or answers /lb-status.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A RawPath is an unusual spelling, such as /lb%2Dstatus: the app's.
	if r.URL.Path == statusPath && r.URL.RawPath == "" && p.options.Status != nil {
		p.serveStatus(w, r)
		return
	}
	e := &exchange{proxy: p, settings: p.settings.Load(), writer: w, request: r, started: time.Now()}
	p.flight.begin()
	defer e.end()
	e.run()
}

func (p *Proxy) serveStatus(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		fault.Fault{Code: http.StatusMethodNotAllowed, Message: statusPath + " answers GET and HEAD"}.Write(w)
		return
	}
	p.options.Status.ServeHTTP(w, r)
}

// refused tells of a request that the guard answered.
func (p *Proxy) refused(conn net.Conn, e *http1.Error, took time.Duration) {
	p.options.Log.Info("request refused", "code", e.Status, "reason", e.Reason, "client", conn.RemoteAddr().String())
	if p.options.Record != nil {
		p.options.Record(e.Status, took)
	}
}
