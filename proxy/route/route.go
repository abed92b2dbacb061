// Package route is what the data plane knows of an app, and of which app a request
// is for. A lane asks the Router once per request, when it has the head.
package route

import "github.com/dynlb/dynlb/proxy/policy"

// Router chooses the app that a request is for. Its methods are safe for concurrent
// use, do not block, and do not allocate: the event loops call them.
type Router interface {
	// Route returns the app that a request is for. host is the authority that the
	// client named, a host or host:port in any case, and empty if it named none, as
	// HTTP/1.0 allows. path is the path of the request target as it was sent, without
	// the query; * for the asterisk of OPTIONS. Route must not keep the slices.
	Route(host, path []byte) Match
	// Apps returns all apps that Route can return now.
	Apps() []*App
}

// Match is what a Router knows of a request.
type Match struct {
	// App is the app that the request is for. Nil: there is none.
	App *App
	// Strip is how many bytes at the beginning of the path the instance does not get.
	Strip int
	// Misdirected tells that there is no app because none has the host.
	Misdirected bool
}

// Err returns why there is no app, nil if there is one.
func (m Match) Err() error {
	switch {
	case m.App != nil:
		return nil
	case m.Misdirected:
		return policy.ErrNoHost
	default:
		return policy.ErrNoApp
	}
}

// Single returns a Router that gives every request to one app.
func Single(app *App) Router { return NewTable([]Rule{{App: app}}) }
