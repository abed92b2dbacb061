#!/usr/bin/env bash
# A place on a connection of net/http's ClientConn that Reserve has granted is gone when the
# server asks the client to leave: the reserved request fails, and nothing of it was sent.
#
# Expected: Reserve keeps a place for one request. A server that ends its connection
# gracefully (GOAWAY, RFC 9113, 6.8) afterwards gets no further ones, but that one is still
# sent, or fails with an error that says that the server is leaving.
# Seen: Available is 0 and Err is nil, which by its documentation stands for a connection
# that can be used. InFlight still counts the reserved request, and RoundTrip of it fails with
# "http2: client conn not usable", an error that is not exported.
#
# For a load balancer or a load generator on ClientConn: such a request was not sent, and may
# go on another connection whatever its method is. Whether it was sent, httptrace's WroteHeaders
# tells; the errors do not.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
printf 'module finding\n\ngo 1.26.0\n' > go.mod
cat > main.go <<'PROGRAM'
// Reserves a request on a connection of HTTP/2, has the server shut down gracefully, and then
// sends the request.
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"time"
)

func main() {
	fmt.Println(runtime.Version())
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	conn, err := transport.NewClientConn(context.Background(), "http", server.Listener.Addr().String())
	if err != nil {
		panic(err)
	}
	request, err := http.NewRequest(http.MethodGet, server.URL, nil)
	if err != nil {
		panic(err)
	}
	response, err := conn.RoundTrip(request)
	if err != nil {
		panic(err)
	}
	_ = response.Body.Close()
	fmt.Println("Reserve:", conn.Reserve())
	go func() { _ = server.Config.Shutdown(context.Background()) }()
	for end := time.Now().Add(time.Minute); conn.Available() > 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	fmt.Println("Available:", conn.Available(), "InFlight:", conn.InFlight(), "Err:", conn.Err())
	_, err = conn.RoundTrip(request)
	fmt.Println("RoundTrip:", err)
}
PROGRAM
go run . | tee seen
tail -n +2 seen | diff - <(cat <<'SEEN'
Reserve: <nil>
Available: 0 InFlight: 1 Err: <nil>
RoundTrip: http2: client conn not usable
SEEN
) && echo 'as found'
