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

// originCheck refuses requests that a web page of another origin makes a browser
// send. A browser on the operator's machine can reach the loopback listeners of
// that machine, and any page can make it send requests to them. Programs other
// than browsers pass the check.
type originCheck struct {
	hosts     []string               // lower case, without port
	certifies func(host string) bool // reports whether host is in the server's certificate
}

func newOriginCheck(hosts []string, certifies func(host string) bool) *originCheck {
	c := &originCheck{certifies: certifies}
	for _, host := range hosts {
		c.hosts = append(c.hosts, hostname(host))
	}
	return c
}

// before returns a handler that passes only requests that pass the check to h.
func (c *originCheck) before(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		switch {
		case !c.isOwnHost(r):
			writeError(w, http.StatusForbidden, fmt.Sprintf("Host %q is not this server's; use localhost or its address", r.Host))
		case foreign(r):
			writeError(w, http.StatusForbidden, "requests from other sites' pages are refused")
		case mutates(r) && !preflighted(r) && !isJSON(r):
			writeError(w, http.StatusUnsupportedMediaType, "send Content-Type: application/json")
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// preflighted reports whether browsers send the method of r to another origin only after that
// has allowed it (Fetch, CORS preflight), which this server never does. No path takes such a
// method; the router says so.
func preflighted(r *http.Request) bool {
	return r.Method == http.MethodDelete || r.Method == http.MethodPut || r.Method == http.MethodPatch
}

// isOwnHost reports whether the Host of r is a name of this server: loopback, the
// address that r arrived at, a given name, or a name in the certificate. A page can
// make a browser resolve the page's own name to this server (DNS rebinding), but
// then the Host is that name. A request of HTTP/1.0 may have no Host; browsers
// always send one.
func (c *originCheck) isOwnHost(r *http.Request) bool {
	host := hostname(r.Host)
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || slices.Contains(c.hosts, host) {
		return true // .localhost is loopback too: RFC 6761, 6.3
	}
	if address, err := netip.ParseAddr(host); err == nil {
		if address = address.Unmap(); address.IsLoopback() || address == localAddress(r) {
			return true
		}
	}
	return c.certifies(host)
}

// localAddress returns the address that r arrived at, or the zero value.
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

// foreign reports whether a page of another origin, or of an opaque one, sent r.
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

// isJSON reports whether the body is JSON. A page cannot send that type to another
// origin without a preflight request, which is refused.
func isJSON(r *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == "application/json"
}

// hostname returns host in lower case, without port, brackets and final dot.
func hostname(host string) string {
	u := url.URL{Host: host}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}
