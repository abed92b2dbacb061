package proxy

import (
	"net/http"
	"strings"
)

// setTarget gives the instance the request target that the client sent, byte
// for byte: neither path nor query is decoded and encoded again.
func setTarget(out, in *http.Request) {
	out.URL.Scheme = "http"
	out.URL.RawQuery = in.URL.RawQuery // ReverseProxy dropped what it could not parse
	path, _, _ := strings.Cut(in.RequestURI, "?")
	// net/http sends Opaque as it is, except that it takes one that begins with
	// // for a host. Neither that nor an absolute target can be given so; net/url
	// keeps their path but for bytes that must not be in a path.
	if strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") {
		out.URL.Opaque = path
	}
}
