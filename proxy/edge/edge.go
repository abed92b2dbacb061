// Package edge holds the rules that an operator puts in front of an app, for which
// others run another proxy: who may use it, how much, and what is added to requests and
// responses. Each rule is off by default.
//
// The rules stand between the heads that package http1 has read and package forward,
// which writes them anew. So every lane carries them out alike, and none knows them:
//
//	Rules     what an app's config asks for, compiled; nil: nothing
//	Exchange  one request under the rules; nil: there are no rules
//	Begin     judges a request and edits its head, before an instance is claimed
//	Respond   edits the head of a response
//	Dress     edits the answer to a request that failed
//	End       ends the use of an Exchange
//
// An edited head has other Fields: those that must not pass are marked (http1.Field.Drop),
// and further ones are appended.
package edge

import "time"

// Settings are the rules for an app. The zero value has none.
type Settings struct {
	// Describe has the outcomes of requests describe them (outcome.Request).
	Describe bool
	// RequestID is the name of the field with the id of a request, such as X-Request-Id.
	// Empty: requests have no id.
	RequestID string
	// ServerTiming has responses tell how long the request waited for an instance, and
	// how long that took to respond.
	ServerTiming bool
	// HSTS is how long browsers use HTTPS only, once they have seen a response, which has
	// Strict-Transport-Security. It is for apps that are reached by TLS. Zero: they are
	// not asked to.
	HSTS time.Duration
}

// Rules are compiled Settings. They do not change, and are safe for concurrent use.
type Rules struct {
	settings  Settings
	requestID name
	hsts      []byte // the value of the field; nil: there is none
}

// New compiles settings. It returns nil if they ask for nothing.
func New(settings Settings) *Rules {
	if settings == (Settings{}) {
		return nil
	}
	return &Rules{settings: settings, requestID: newName(settings.RequestID), hsts: maxAge(settings.HSTS)}
}
