package proxy

import (
	"fmt"

	"github.com/dynlb/dynlb/proxy/fast"
)

// Engine says what carries plain HTTP/1.1.
type Engine string

// The engines.
const (
	// EngineAuto is EngineFast where there is one, else EngineStd.
	EngineAuto Engine = "auto"
	// EngineFast carries requests in event loops; there is one for Linux.
	EngineFast Engine = "fast"
	// EngineStd carries requests with blocking reads and writes. It carries what the
	// other does not, in any case.
	EngineStd Engine = "std"
)

// UnmarshalText makes an Engine of its name. With MarshalText it makes it a
// flag's value.
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

// newFast returns the fast engine, or nil if it is not to be used or there is none.
func (p *Proxy) newFast(o *Options) *fast.Engine {
	if o.Engine == EngineStd {
		return nil
	}
	options := fast.Options{
		Router:   o.Router,
		Settings: &p.settings,
		Handover: p.std.Take,
		Conduct:  &p.conduct,
		Record:   o.Record,
		Log:      o.Log,
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
