package route

import (
	"cmp"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/sticky"
)

// Settings are how the requests of an app are carried.
type Settings struct {
	// RequestTimeout bounds two waits for the instance: from the end of the request to
	// the head of the response and, before that, for the instance to accept a further
	// piece of the content. When one of them is over, or after as much time again, the
	// client gets a 504. Zero: no limit.
	RequestTimeout time.Duration
	// KeepAlive is how long a connection to an instance may be idle and still be used.
	// Zero: policy.StaleAfter. Negative: each request has a connection of its own.
	KeepAlive time.Duration
	// ConnectTimeout bounds the time to connect to an instance. Zero: policy.DialTimeout.
	ConnectTimeout time.Duration
	// Protocol is what the instances speak.
	Protocol Protocol
	// Forwarded has instances get Forwarded (RFC 7239) besides X-Forwarded-*.
	Forwarded bool
	// Edge are the rules in front of the app. Nil: there are none.
	Edge *edge.Rules
	// Sticky has the requests of a session go to one instance. Nil: there are no sessions.
	Sticky *sticky.Rules
}

// Protocol is what the instances of an app speak.
type Protocol uint8

// The protocols.
const (
	// HTTP1 is HTTP/1.1.
	HTTP1 Protocol = iota
	// H2C is HTTP/2 without TLS, with prior knowledge (RFC 9113, 3.3).
	H2C
	// EitherHTTP is H2C for an instance that speaks it, and HTTP1 for the others. An
	// instance is asked once.
	EitherHTTP
)

// App is an app as the data plane knows it. Create one with NewApp. All methods are
// safe for concurrent use.
type App struct {
	name     string
	registry *registry.Registry
	settings atomic.Pointer[Settings]
	idle     policy.IdleTime
	asks     policy.Continue
	edge     edge.State
	partial  atomic.Int32 // places that TakePartial has given
	conns    Connections
}

// NewApp returns an App: its name in logs and outcomes, the registry of its
// instances, and its settings until Configure.
func NewApp(name string, instances *registry.Registry, settings Settings) *App {
	a := &App{name: name, registry: instances}
	a.Configure(settings)
	return a
}

// Name returns the name of the app.
func (a *App) Name() string { return a.name }

// Registry returns the registry of the app's instances.
func (a *App) Registry() *registry.Registry { return a.registry }

// Settings returns the settings in force. A request keeps those that it began with.
// They must not be changed.
func (a *App) Settings() *Settings { return a.settings.Load() }

// Connections returns the counts of the connections to the instances.
func (a *App) Connections() *Connections { return &a.conns }

// IdleTime returns what is known about how long the instances keep idle connections.
func (a *App) IdleTime() *policy.IdleTime { return &a.idle }

// Continue returns whether the instances ask for content that waits to be asked for.
func (a *App) Continue() *policy.Continue { return &a.asks }

// Saved is what an App has learned of its instances, for that of another process.
type Saved struct {
	Idle   policy.SavedIdleTime `json:"idle,omitzero"`
	Silent bool                 `json:"silent,omitempty"` // they do not ask for content
}

// Save returns what another process goes on with.
func (a *App) Save() Saved { return Saved{Idle: a.idle.Save(), Silent: a.asks.Silent()} }

// Restore goes on with what another process has learned. Call it before any request.
func (a *App) Restore(s Saved) {
	a.idle.Restore(s.Idle)
	a.asks.Note(!s.Silent)
}

// Edge returns what the rules in front of the app remember of its requests.
func (a *App) Edge() *edge.State { return &a.edge }

// KeepAlive returns how long an idle connection to an instance is kept.
func (a *App) KeepAlive() time.Duration { return policy.KeepAlive(a.Settings().KeepAlive) }

// ConnectTimeout returns how long connecting to an instance may take.
func (a *App) ConnectTimeout() time.Duration {
	return cmp.Or(a.Settings().ConnectTimeout, policy.DialTimeout)
}

// Configure replaces the settings, all of them, for the requests that begin from now
// on.
func (a *App) Configure(settings Settings) { a.settings.Store(&settings) }
