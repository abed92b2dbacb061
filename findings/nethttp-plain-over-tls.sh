#!/usr/bin/env bash
# A client of net/http that speaks HTTP/2 with and without TLS sends a request for an http URL
# over a TLS connection that it has to the same address.
#
# Expected: a request for http://host:port opens a connection without TLS, whatever the client
# asked for before. A server that speaks TLS there does not understand it.
# Seen: without an earlier request it fails, as expected. After a request for
# https://host:port it is answered with 200: it went over the TLS connection of that one.
#
# For tests of a load balancer: with one client for both, a plain request to a TLS port
# seems to work, and a listener that changes between the two is not seen to change. Use a
# client for each.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
printf 'module finding\n\ngo 1.26.0\n' > go.mod
cat > main.go <<'PROGRAM'
// Asks a TLS server for an http URL of its address: at first, and after a request for the
// https URL.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
)

func main() {
	fmt.Println(runtime.Version())
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s, TLS %v", r.Proto, r.TLS != nil)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	plain := "http://" + server.Listener.Addr().String()
	for _, urls := range [][]string{{plain}, {server.URL, plain}} {
		transport := &http.Transport{Protocols: new(http.Protocols), TLSClientConfig: server.Client().Transport.(*http.Transport).TLSClientConfig}
		transport.Protocols.SetHTTP2(true)
		transport.Protocols.SetUnencryptedHTTP2(true)
		client := &http.Client{Transport: transport}
		for _, url := range urls {
			scheme, _, _ := strings.Cut(url, ":")
			response, err := client.Get(url)
			if err != nil {
				fmt.Println(scheme, "fails")
				continue
			}
			text, err := io.ReadAll(response.Body)
			fmt.Println(scheme, response.StatusCode, string(text), err)
		}
	}
}
PROGRAM
go run . | tee seen
tail -n +2 seen | diff - <(cat <<'SEEN'
http fails
https 200 HTTP/2.0, TLS true <nil>
http 200 HTTP/2.0, TLS true <nil>
SEEN
) && echo 'as found'
