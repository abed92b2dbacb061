package config

import (
	"fmt"
	"maps"
)

// validate checks the rules that involve several keys. It skips those in which a
// key has a problem of its own.
func (r *reader) validate() {
	if r.config.Apps == nil {
		r.scope("", &r.config.App).validate()
	}
	before := r.bad
	for i := range r.config.Apps {
		a := &r.config.Apps[i]
		r.bad = maps.Clone(before) // a value beside apps may contradict that of each app
		r.scope("apps."+a.Name+".", a).validate()
	}
	r.bad = before
	r.routes()
	r.ports()
	r.accessLogs()
	c := &r.config
	if line, header := "limits.requestLine", "limits.header"; r.good(line, header) && c.Limits.RequestLine > c.Limits.Header {
		r.conflict(line, "at most", c.Limits.RequestLine, header, "at least", c.Limits.Header)
	}
	if r.good("proxyProtocol", "trustedProxies") && c.ProxyProtocol && len(c.TrustedProxies) == 0 {
		r.problem(r.set["proxyProtocol"], "needs trustedProxies: only those may say who their client is")
	}
	r.tls()
	r.listeners()
	r.auth()
}

// listeners checks that each listener can be bound.
func (r *reader) listeners() {
	all := []struct{ key, address string }{
		{"listen", r.config.Listen},
		{"admin", r.config.Admin},
		{"adminHTTP", r.config.AdminHTTP},
		{"tls.redirect", r.config.TLS.Redirect},
	}
	const rule = "on another port than"
	for i, a := range all {
		for _, b := range all[i+1:] {
			if r.good(a.key, b.key) && b.address != "" && overlap(a.address, b.address) {
				r.conflict(a.key, rule, a.address, b.key, rule, b.address)
			}
		}
	}
}

// good reports whether none of the keys has a problem of its own.
func (r *reader) good(keys ...string) bool {
	for _, key := range keys {
		if r.bad[key] {
			return false
		}
	}
	return true
}

// conflict reports that the values of the keys a and b contradict each other. The
// problem is reported at the key that is later in the file. Its text is "must be"
// with aRule and b if that is a, and with bRule and a if it is b.
func (r *reader) conflict(a, aRule string, aValue any, b, bRule string, bValue any) {
	at, isA := r.later(a, b)
	if isA {
		r.problem(at, "must be %s %s (%v%s); got %v", aRule, b, bValue, r.origin(b), aValue)
	} else {
		r.problem(at, "must be %s %s (%v%s); got %v", bRule, a, aValue, r.origin(a), bValue)
	}
}

// later returns where the later of two keys is set, and whether that is a. The
// file is later than the environment, and the environment later than a default.
func (r *reader) later(a, b string) (at place, isA bool) {
	atA, okA := r.set[a]
	atB, okB := r.set[b]
	if okA && (!okB || atA.line > atB.line) {
		return atA, true
	}
	return atB, false
}

// origin tells where a value comes from, if not from the file.
func (r *reader) origin(key string) string {
	switch at, ok := r.set[key]; {
	case !ok:
		return ", the default"
	case at.line == 0:
		return fmt.Sprintf(", by %s in the environment", at.key)
	}
	return ""
}
