// Package edge holds the rules that an operator puts in front of an app, for which
// others run another proxy: who may use it, how much, and what is added to requests and
// responses. Each rule is off by default.
//
// The rules stand between the heads that package http1 has read and package forward,
// which writes them anew. So every lane carries them out alike, and none knows them:
//
//	Rules     what an app's config asks for, compiled; nil: nothing
//	Exchange  one request under the rules; nil: there are no rules
//	State     what the rules remember of an app's requests
//	Blocks    whether a request would take so long that an event loop must not carry it
//	Begin     judges a request and edits its head, before an instance is claimed
//	Respond   edits the head of a response
//	Compress  compresses the content of a response
//	Dress     edits the answer to a request that failed
//	End       ends the use of an Exchange
//
// An edited head has other Fields: those that must not pass are marked (http1.Field.Drop),
// and further ones are appended.
package edge

import (
	"net/netip"
	"reflect"
	"time"
)

// Settings are the rules for an app. The zero value has none.
type Settings struct {
	// Describe has the outcomes of requests describe them (outcome.Request).
	Describe bool
	// RequestID is the name of the field with the id of a request, such as X-Request-Id.
	// Empty: requests have no id.
	RequestID string
	// Trace decides which requests are traced. Nil: none are, and the fields about traces
	// pass as any other.
	Trace *Sampler
	// ServerTiming has responses tell how long the request waited for an instance, and
	// how long that took to respond.
	ServerTiming bool
	// HSTS is how long browsers use HTTPS only, once they have seen a response, which has
	// Strict-Transport-Security. It is for apps that are reached by TLS. Zero: they are
	// not asked to.
	HSTS time.Duration
	// Allow are the networks whose clients may use the app. Empty: all. Deny are those
	// whose clients may not, whatever Allow says.
	Allow, Deny []netip.Prefix
	// Users may use the app, by basic authentication. Nil: no user has to be named.
	Users *Users
	// ClientRate bounds the requests of each client, and AppRate those of all together.
	ClientRate, AppRate Rate
	// Set are fields of every response, whatever the instance says there. Remove are the
	// names of fields that do not pass.
	Set    map[string]string
	Remove []string
	// SecurityHeaders has responses get the fields of SecurityHeaders that the instance
	// does not send itself.
	SecurityHeaders bool
	// Maintenance has all requests answered with a 503. Nil: the app is used.
	Maintenance *Maintenance
	// Pages give dynlb's own answers the form that a client asks for: a page, or problem
	// details (RFC 9457). Nil: all answers are dynlb's JSON.
	Pages *Pages
	// Compress has the content of responses compressed that becomes smaller by that, for
	// the clients that accept it.
	Compress bool
}

// Describing are the rules for requests that are for no app, if they are to be described.
var Describing = New(Settings{Describe: true})

// Rules are compiled Settings. They do not change, and are safe for concurrent use.
type Rules struct {
	settings  Settings
	guarded   bool
	requestID name
	hsts      []byte // the value of the field; nil: there is none
	fields    responseFields
}

// New compiles settings. It returns nil if they ask for nothing.
func New(settings Settings) *Rules {
	if reflect.DeepEqual(settings, Settings{}) {
		return nil
	}
	return &Rules{
		settings: settings, guarded: settings.guarded(), requestID: newName(settings.RequestID), hsts: maxAge(settings.HSTS),
		fields: newResponseFields(&settings),
	}
}

// guarded reports whether a rule may refuse a request.
func (s *Settings) guarded() bool {
	return len(s.Allow) > 0 || len(s.Deny) > 0 || s.Users != nil || s.ClientRate.isSet() || s.AppRate.isSet() || s.Maintenance != nil
}
