package proxy

import (
	"net/http"
	"strings"
)

// The fields that tell the instance about the client, in canonical form.
const (
	forwardedFor   = "X-Forwarded-For"
	forwardedHost  = "X-Forwarded-Host"
	forwardedProto = "X-Forwarded-Proto"
	forwarded      = "Forwarded" // RFC 7239
	realIP         = "X-Real-Ip"

	forwardedPrefix = "X-Forwarded-" // of more of the kind, such as -Port
)

// setForwarded sets X-Forwarded-For, -Host and -Proto in h, the header that the
// instance gets. What the client sent of them, of Forwarded and of X-Real-IP
// counts only when the client is a trusted proxy: then its X-Forwarded-For is
// continued, and the others stay as they are.
func setForwarded(h http.Header, in *http.Request, trusts func(peer string) bool) {
	peer := peerIP(in.RemoteAddr)
	values := [3]string{peer, in.Host, "http"}
	if in.TLS != nil {
		values[2] = "https"
	}
	if trusts(peer) {
		if prior := in.Header[forwardedFor]; len(prior) > 0 {
			values[0] = strings.Join(prior, ", ") + ", " + peer
		}
		if v := in.Header.Get(forwardedHost); v != "" {
			values[1] = v
		}
		if v := in.Header.Get(forwardedProto); v != "" {
			values[2] = v
		}
		if v := in.Header[forwarded]; len(v) > 0 {
			h[forwarded] = v // ReverseProxy removed it
		}
	} else {
		for name := range h {
			if name == realIP || name == forwarded || strings.HasPrefix(name, forwardedPrefix) {
				delete(h, name)
			}
		}
	}
	fields := values[:]
	h[forwardedFor] = fields[0:1:1]
	h[forwardedHost] = fields[1:2:2]
	h[forwardedProto] = fields[2:3:3]
	if peer == "" {
		delete(h, forwardedFor)
	}
}

// peerIP returns the IP address in addr, an http.Request.RemoteAddr, or "" when
// the peer has none, as on a Unix socket.
func peerIP(addr string) string {
	colon := strings.LastIndexByte(addr, ':')
	if colon < 0 {
		return ""
	}
	ip := strings.TrimSuffix(strings.TrimPrefix(addr[:colon], "["), "]")
	ip, _, _ = strings.Cut(ip, "%") // an interface of ours means nothing to others
	return ip
}
