#!/usr/bin/env bash
# Go's net/http sends a short HTTP/2 response with a Content-Length that the handler has not
# set, also when the response has trailers. Its ReverseProxy then loses them on the way to
# a client of HTTP/1.1.
#
# Expected: a response whose handler announces trailers has no Content-Length: in HTTP/1.1
# net/http sends chunks, which trailers need (RFC 9112, 7.1.2). A proxy passes the trailers
# on to clients of both versions.
# Seen: over HTTP/2 the response of two bytes has Content-Length 2 and its trailer. Through
# httputil.ReverseProxy a client of HTTP/1.1 gets Content-Length 2 and no trailer. When the
# handler flushes, there is no Content-Length, and the trailer arrives.
#
# For a load balancer: a response with trailers needs chunks towards HTTP/1.1, whatever
# Content-Length an instance of HTTP/2 sends.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
printf 'module finding\n\ngo 1.26.0\n' > go.mod
cat > main.go <<'PROGRAM'
// Asks a server of net/http for a response of two bytes with a trailer: over both
// versions, and over HTTP/1.1 through a ReverseProxy that speaks HTTP/2 to the server.
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
)

func main() {
	fmt.Println(runtime.Version())
	server := httptest.NewUnstartedServer(http.HandlerFunc(respond))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	two := &http.Transport{Protocols: new(http.Protocols)}
	two.Protocols.SetUnencryptedHTTP2(true)
	at, err := url.Parse(server.URL)
	if err != nil {
		panic(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(at)
	proxy.Transport = two
	front := httptest.NewServer(proxy)
	for _, path := range []string{"/", "/flush"} {
		ask("HTTP/1.1", http.DefaultTransport, server.URL+path)
		ask("HTTP/2", two, server.URL+path)
		ask("HTTP/1.1 by ReverseProxy from HTTP/2", http.DefaultTransport, front.URL+path)
	}
}

func respond(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Trailer", "Checksum")
	_, _ = io.WriteString(w, "ok")
	if r.URL.Path == "/flush" {
		w.(http.Flusher).Flush()
	}
	w.Header().Set("Checksum", "7")
}

func ask(by string, transport http.RoundTripper, url string) {
	response, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		panic(err)
	}
	_, err = io.Copy(io.Discard, response.Body)
	fmt.Printf("%s: length %d, trailer %q, %v\n", by, response.ContentLength, response.Trailer.Get("Checksum"), err)
}
PROGRAM
go run . | tee seen
tail -n +2 seen | diff - <(cat <<'SEEN'
HTTP/1.1: length -1, trailer "7", <nil>
HTTP/2: length 2, trailer "7", <nil>
HTTP/1.1 by ReverseProxy from HTTP/2: length 2, trailer "", <nil>
HTTP/1.1: length -1, trailer "7", <nil>
HTTP/2: length -1, trailer "7", <nil>
HTTP/1.1 by ReverseProxy from HTTP/2: length -1, trailer "7", <nil>
SEEN
) && echo 'as found'
