package edge

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
)

// guard decides whether a request may pass. The cheapest rule is asked first, and the
// rate of a client before its password, so that the rate bounds the guesses. status
// tells that the request is for dynlb's own status, and state is that of the app.
func (x *Exchange) guard(r *http1.Request, client string, status bool, state *State) error {
	s := &x.rules.settings
	ip, err := netip.ParseAddr(client)
	if err != nil { // the peer is a process of this machine
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if key := s.bars(ip); key != "" {
		return reject(forbidden("clients of this network may not use the app", key))
	}
	at := now()
	if s.ClientRate.isSet() {
		if wait := state.takeClient(&s.ClientRate, ip, at); wait > 0 {
			return tooMany("the client sends too many requests", "rateLimit.client", wait)
		}
	}
	if s.Maintenance != nil && !status {
		return x.down(s.Maintenance)
	}
	if s.Users != nil {
		name, err := s.Users.verify(r)
		if err != nil {
			return unverified(err)
		}
		x.request.User = x.keep(name)
	}
	if s.AppRate.isSet() {
		if wait := state.takeApp(&s.AppRate, at); wait > 0 {
			return tooMany("the app gets too many requests", "rateLimit.app", wait)
		}
	}
	return nil
}

// restriction returns the configuration key by which only clients of some networks may use
// the app, "" if all may.
func (s *Settings) restriction() string {
	switch {
	case len(s.Allow) > 0:
		return "allow"
	case len(s.Deny) > 0:
		return "deny"
	default:
		return ""
	}
}

// forbidden returns the answer to a client that may not use the app.
func forbidden(reason, key string) policy.Fault {
	return policy.Fault{Code: http.StatusForbidden, Message: "forbidden", Reason: reason, Key: key}
}

// bars returns the configuration key by which clients at an address may not use the app,
// "" if they may.
func (s *Settings) bars(ip netip.Addr) string {
	holds := func(p netip.Prefix) bool { return p.Contains(ip) }
	switch {
	case slices.ContainsFunc(s.Deny, holds):
		return "deny"
	case len(s.Allow) > 0 && !slices.ContainsFunc(s.Allow, holds):
		return "allow"
	default:
		return ""
	}
}

// unverified returns the error for a request that no user is known to have sent.
func unverified(err error) error {
	f := policy.Fault{Reason: err.Error(), Key: "basicAuth"}
	if errors.Is(err, errVerifying) {
		f.Code, f.Message, f.RetryAfter = http.StatusServiceUnavailable, "too many requests", maxVerifyWait
		return reject(f)
	}
	f.Code, f.Message = http.StatusUnauthorized, "unauthorized"
	f.Extras = &policy.Extras{Fields: [][2]string{{"WWW-Authenticate", challenge}}}
	return reject(f)
}

// tooMany returns the error for a request above a rate. A client should come back when
// there is a token, in whole seconds.
func tooMany(reason, key string, wait time.Duration) error {
	return reject(policy.Fault{
		Code: http.StatusTooManyRequests, Message: "too many requests", Reason: reason, Key: key,
		RetryAfter: (wait + time.Second - 1).Truncate(time.Second),
	})
}

// reject returns the error for a request that may not pass. It is not logged by default.
func reject(f policy.Fault) error {
	if f.Extras == nil {
		f.Extras = new(policy.Extras)
	}
	f.Source, f.Extras.Quiet = outcome.Client, true
	return &policy.RejectedError{Answer: f}
}
