package proxy

import (
	"fmt"

	"github.com/dynlb/dynlb/proxy/fast"
	"github.com/dynlb/dynlb/proxy/handshake"
)

// Engine is the choice of what carries requests.
type Engine string

// The engines.
const (
	// EngineAuto is EngineFast where it is available, and EngineStd elsewhere.
	EngineAuto Engine = "auto"
	// EngineFast carries requests in event loops. It is available on Linux.
	EngineFast Engine = "fast"
	// EngineStd carries requests with blocking reads and writes. With every engine it
	// carries what the event loops hand over.
	EngineStd Engine = "std"
)

// UnmarshalText sets the engine from its name, for flags.
func (e *Engine) UnmarshalText(text []byte) error {
	switch engine := Engine(text); engine {
	case EngineAuto, EngineFast, EngineStd:
		*e = engine
		return nil
	default:
		return fmt.Errorf("unknown engine %q; there are %s, %s and %s", text, EngineAuto, EngineFast, EngineStd)
	}
}

// MarshalText returns the engine's name.
func (e Engine) MarshalText() ([]byte, error) { return []byte(e), nil }

// newFast returns the fast engine, or nil if it is not chosen or unavailable.
func (p *Proxy) newFast(o *Options, secure *handshake.Server) *fast.Engine {
	if o.Engine == EngineStd {
		return nil
	}
	options := fast.Options{
		Router:     o.Router,
		Settings:   &p.settings,
		TLS:        secure,
		Handover:   p.std.Take,
		HandedOver: p.std,
		Lend:       p.std.Carry,
		Conduct:    &p.conduct,
		Record:     o.Record,
		Log:        o.Log,
		Loops:      o.Loops,
	}
	if o.Status != nil {
		options.StatusPath = statusPath
	}
	engine, err := fast.New(options)
	if err == nil {
		return engine
	}
	if o.Engine == EngineFast {
		o.Log.Warn("fast engine unavailable, using std", "cause", err)
	}
	return nil
}
