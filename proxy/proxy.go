// Package proxy is the data plane: it carries each request to one instance and the
// response back. It claims the instance from the registry. The claim ends with the
// request, whatever the outcome.
//
// There are two lanes. Package fast carries plain HTTP/1.1 and HTTP/2 in event loops, and hands
// over all other connections. Package std carries those, and all connections where there
// are no event loops. Both lanes follow the same packages for the rules:
//
//	Proxy      accepts connections, chooses the lane, and shuts both down
//	fast       HTTP/1.1 and HTTP/2 in event loops
//	std        HTTP/1.1 and HTTP/2 with blocking reads and writes, and the requests of HTTP/3
//	http3      reads the requests of HTTP/3
//	forward    a request as the instance gets it, a response as the client gets it
//	policy     errors and the answers to them, retries, reuse of connections
//	outcome    what became of a request
//	http1      the strict reader of HTTP/1.1
package proxy

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/dynlb/dynlb/proxy/fast"
	"github.com/dynlb/dynlb/proxy/handshake"
	"github.com/dynlb/dynlb/proxy/http3"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
	"github.com/dynlb/dynlb/proxy/settings"
	"github.com/dynlb/dynlb/proxy/std"
)

// StatusClientClosed is recorded for a request that the client gave up before
// it had the whole response. It is never sent.
const StatusClientClosed = policy.StatusClientClosed

// statusPath is the one path that is not the app's.
const statusPath = "/lb-status"

// Settings are how requests are carried.
type Settings = settings.Settings

// Options are what a Proxy needs. Only Router is required.
type Options struct {
	// Router says which app a request is for.
	Router route.Router
	// Settings are how requests are carried.
	Settings
	// Engine carries requests. Empty: EngineAuto.
	Engine Engine
	// TLS is the config for the clients' connections. It is read once. Its callbacks
	// GetConfigForClient and GetCertificate may change what is served; they are called
	// with a context that ends with the handshake, after 10 s at most. Without
	// NextProtos clients speak HTTP/1.1 only. Nil: plain HTTP.
	TLS *tls.Config
	// Status answers GET and HEAD of /lb-status, unless Settings.HideStatus is set. Nil:
	// the path is the app's.
	Status http.Handler
	// Record gets the outcome of each request. It is called concurrently, also by the
	// event loops, and must not block. Nil: outcomes are not recorded.
	Record outcome.Recorder
	// Log gets one line for each failed request. Nil: there is no log.
	Log *slog.Logger
	// ResetKey is a secret that the proxies have in common of which each takes the place of
	// the last one: clients of HTTP/3 learn by it that the one before is gone.
	ResetKey [32]byte
	// Loops is how many event loops EngineFast has. Zero: GOMAXPROCS. With fewer, requests
	// cost less; see eventloop.Options.
	Loops int
}

// Proxy carries requests to instances: it is the public server. Create one with New.
// All methods are safe for concurrent use.
type Proxy struct {
	std        *std.Lane
	fast       *fast.Engine             // nil when it is not used
	settings   atomic.Pointer[Settings] // in force, for the requests that begin now
	conduct    policy.Conduct           // which instances send stray bytes
	router     route.Router
	departures departures        // of the instances of all apps
	secure     *handshake.Server // nil: plain HTTP
	http3      *http3.Server     // nil: plain HTTP
}

// New returns a Proxy. The caller must call Shutdown, even if it never calls Serve: a
// Proxy has goroutines and connections.
func New(options Options) *Proxy {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	p := new(Proxy)
	options.Settings = options.WithDefaults()
	p.settings.Store(&options.Settings)
	var secure *handshake.Server
	if options.TLS != nil {
		secure = handshake.New(options.TLS, options.Log)
	}
	p.std = std.New(std.Options{
		TLS:    secure,
		Router: options.Router, Settings: &p.settings, Conduct: &p.conduct,
		Full:       func() bool { return p.fast != nil && p.fast.Full() },
		Open:       func() int { return p.openConns() },
		StatusPath: statusPath, Status: options.Status, Record: options.Record, Log: options.Log,
	})
	p.secure = secure
	p.fast = p.newFast(&options, secure)
	if secure != nil {
		p.http3 = http3.New(http3.Options{
			Lane: p.std, TLS: options.TLS, Handshakes: secure, Admit: p.admit, Settings: &p.settings, ResetKey: options.ResetKey, Log: options.Log,
		})
	}
	p.router = options.Router
	p.departures.init(p.droppers())
	p.Rerouted()
	return p
}

// Rerouted tells the Proxy that the Router may have other apps. Call it before an
// instance of a new app can leave service: the Proxy closes the connections to instances
// that leave. It does so for an app that the Router no longer has, too, until the registry
// of that app is closed and has no instances.
func (p *Proxy) Rerouted() {
	for _, app := range p.router.Apps() {
		p.departures.follow(app.Registry())
	}
}

// Conduct returns what is known of the instances.
func (p *Proxy) Conduct() *policy.Conduct { return &p.conduct }

// Handshakes returns how many handshakes of TLS have ended.
func (p *Proxy) Handshakes() handshake.Counts { return p.secure.Counts() }

// OpenConnections returns how many connections of clients are open.
func (p *Proxy) OpenConnections() int { return p.openConns() }

// openConns returns how many connections of clients are open.
func (p *Proxy) openConns() int {
	if p.fast != nil {
		return p.fast.Open() // those that it handed over are among them
	}
	return p.std.Conns()
}

// admit counts a connection of HTTP/3, if there is room for it.
func (p *Proxy) admit() (release func(), ok bool) {
	if p.fast != nil {
		return p.fast.Admit()
	}
	return p.std.Admit()
}

// Configure replaces the settings for the requests that begin from now on, also on open
// connections. In detail:
//
//   - A request of HTTP/1.1 begins with the first byte of its head, a request of HTTP/2
//     when its head is complete.
//   - IdleTimeout holds from the next response on. A connection of HTTP/2 in the std
//     lane keeps the IdleTimeout of New.
//   - MaxConnections holds when the next client connects.
//   - For HTTP/2, Limits.Head cannot be raised above 1 MiB, the value of New, or that of
//     when the client connected.
func (p *Proxy) Configure(s Settings) {
	s = s.WithDefaults()
	p.settings.Store(&s)
	p.std.Reconfigured()
	if p.fast != nil {
		p.fast.Reconfigured()
	}
}
