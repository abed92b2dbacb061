package server

import (
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// guard keeps web pages from other places off the admin listener. A browser on
// the operator's machine reaches what listens on its loopback, and any page can
// make it send requests there; none of them gets past these checks. Programs
// other than browsers are not affected.
type guard struct {
	hosts []string               // lower case, without port
	names func(host string) bool // reports whether host is in the server's certificate
}

func newGuard(hosts []string, names func(host string) bool) *guard {
	g := &guard{names: names}
	for _, host := range hosts {
		g.hosts = append(g.hosts, hostname(host))
	}
	return g
}

// protect lets only requests that pass the checks through to h.
func (g *guard) protect(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		switch {
		case !g.knows(r):
			writeError(w, http.StatusForbidden, fmt.Sprintf("Host %q is not this server's; use localhost or its address", r.Host))
		case foreign(r):
			writeError(w, http.StatusForbidden, "requests from other sites' pages are refused")
		case mutates(r) && !isJSON(r):
			writeError(w, http.StatusUnsupportedMediaType, "send Content-Type: application/json")
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// knows reports whether r was sent to a host that this server is: loopback, the
// address it came in on, a given name, or one of its certificate. A page can make a browser resolve the
// page's own name to this server (DNS rebinding), but the Host stays that name.
// HTTP/1.0 may have no Host at all; browsers always do.
func (g *guard) knows(r *http.Request) bool {
	host := hostname(r.Host)
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || slices.Contains(g.hosts, host) {
		return true // .localhost is loopback too: RFC 6761, 6.3
	}
	if address, err := netip.ParseAddr(host); err == nil {
		if address = address.Unmap(); address.IsLoopback() || address == localAddress(r) {
			return true
		}
	}
	return g.names(host)
}

// localAddress returns the address that r came in on, or the zero value.
func localAddress(r *http.Request) netip.Addr {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return netip.Addr{}
	}
	address, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return netip.Addr{}
	}
	return address.Addr().Unmap().WithZone("")
}

// foreign reports whether a page of another origin, or of none, sent r.
func foreign(r *http.Request) bool {
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return true
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
			return true
		}
	}
	return false
}

func mutates(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	default:
		return true
	}
}

// isJSON reports whether the body is JSON: a type that a page cannot send to
// another origin without asking first.
func isJSON(r *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == "application/json"
}

// hostname returns host in lower case, without port, brackets and the root's
// dot.
func hostname(host string) string {
	u := url.URL{Host: host}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}
