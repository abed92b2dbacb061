// Package route is what the data plane knows of an app, and of which app a request
// is for. A lane asks the Router once per request, when it has the head.
package route

// Router chooses the app that a request is for. Its methods are safe for concurrent
// use, do not block, and do not allocate: the event loops call them.
type Router interface {
	// Route returns the app that a request is for, or nil if there is none; then
	// the client gets a 404. host is the authority that the client named, a host
	// or host:port in any case, and empty if it named none, as HTTP/1.0 allows.
	// path is the path of the request target as it was sent, without the query;
	// * for the asterisk of OPTIONS. Route must not keep the slices.
	Route(host, path []byte) *App
	// Apps returns all apps that Route can return. They are always the same ones.
	Apps() []*App
}

// Single returns a Router that gives every request to one app.
func Single(app *App) Router { return single{app} }

type single struct{ app *App }

func (s single) Route(_, _ []byte) *App { return s.app }

func (s single) Apps() []*App { return []*App{s.app} }
